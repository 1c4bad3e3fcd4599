"""Logging: one line an event, without personal data. Names of errors are logged, never their text where it may hold a parent's words.

Lines of one message's journey carry its number as `message`, from intake to the provider's receipt: the number of its inbox row, which
leads to a person through the database alone. `bot doctor trace` shows the same journey by the same number.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

import structlog


def _only_where(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception as its type and the places it passed: its message may hold a parent's words."""
    info = event.pop("exc_info", None)
    error = (
        info[1] if isinstance(info, tuple) else info if isinstance(info, BaseException) else sys.exc_info()[1] if info else None
    )
    if error is not None:
        frames = traceback.extract_tb(error.__traceback__)[-4:]
        event["exception"] = type(error).__name__
        event["at"] = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return event


def _renderer(form: Literal["plain", "json"]) -> Any:
    if form == "json":
        return structlog.processors.JSONRenderer()  # in ASCII: nothing in a line can move a terminal's cursor or turn its text
    return structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "logger", "event"])


def about(**values: int | str | None) -> AbstractContextManager[None]:
    """Every line that is logged inside, in threads that are begun there too, carries these values; those that are None are left out.

    Our own numbers and codes only: `message` and `outgoing` (rows of inbox and outbox), `channel`, `outcome`. Never a level or a topic.
    """
    return structlog.contextvars.bound_contextvars(**{name: value for name, value in values.items() if value is not None})


def configure(level: str, form: Literal["plain", "json"] = "plain") -> None:
    """Log to standard error from `level` up; libraries that log addresses or bodies are kept to warnings."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)))
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _only_where,
            _renderer(form),
        ],
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in (
        "httpx",
        "httpcore",
        "telegram",
        "sqlalchemy.engine",
        "uvicorn.access",
        "alembic",
        "multipart",
        "python_multipart",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)
