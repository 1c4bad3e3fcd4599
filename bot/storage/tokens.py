"""Opaque tokens for buttons."""

import secrets


def new_token() -> str:
    """A random token of 16 URL-safe characters (96 bits): says nothing, cannot be guessed, fits every provider's payload."""
    return secrets.token_urlsafe(12)
