"""Lines of JSON that come in and go out of commands: read as the standard has it, written so that whoever reads them can."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def read_line(line: str) -> Any:
    """What a line says. Raises `ValueError` for what is no JSON, also for what Python alone takes for it (NaN) or cannot go into
    (nested thousands deep)."""
    try:
        return json.loads(line, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("this line is nested too deeply") from error


def as_line(value: Any) -> str:
    """`value` as one line of JSON, without its end. Halves of characters become question marks: they cannot be written."""
    try:
        said = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        said = json.dumps({"id": None, "error": "this line is nested too deeply"})
    return said.encode("utf-8", "replace").decode("utf-8")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
