"""Keeping the directory true: review cycles, reminders to providers, what parents and providers say is wrong, quick changes.

Pure rules (``due``, ``policy``, ``limits``) apart from the tables and the acts on them. Like the rest of the directory it
imports nothing from ``bot``: e-mail, pages and words are the bot's.
"""
