"""Rasa's room: its own environment (Python 3.10), its launcher and our Rasa components. Imports nothing of the app."""
