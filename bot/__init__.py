"""Wren: the app. Everything a parent's message passes through, from channel to reply."""
