"""Handing a worry to people: cases and their history, hours, practitioners' replies.

Functions take an open session and never commit. May import storage, messages, people.
"""
