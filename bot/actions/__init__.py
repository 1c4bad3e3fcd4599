"""Rasa's custom actions: they read and propose, and write nothing.

Served on loopback by Rasa's action-server protocol (one JSON POST to /webhook), of which rasa-sdk is the oracle in the tests.
May import conversation's pure parts (decide, facts, services), library and services_directory.
"""
