"""Reading what a form or an address says."""

from __future__ import annotations


def whole_number(text: str) -> int | None:
    """A whole number in ASCII digits that any database can hold; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None
