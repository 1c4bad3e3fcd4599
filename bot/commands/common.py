"""What every command shares. Progress goes to standard error; results to standard output."""

from __future__ import annotations

import sys

from bot.settings import Settings, settings


def say(text: str) -> None:
    """A line of progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def started() -> Settings:
    """The settings, once logging follows them."""
    from bot.logs import configure

    chosen = settings()
    configure(chosen.log_level, chosen.log_format)
    return chosen
