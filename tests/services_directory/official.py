"""The published schemas of Open Referral UK 3.0, as validators that need no network."""

import json
import os
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

BASE = "https://openreferraluk.org/specifications/3.0/schema/"
FORMATS = FormatChecker()


def is_uri(value: object) -> bool:
    if not isinstance(value, str):
        return True
    parts = urlsplit(value)
    return bool(parts.scheme and parts.netloc) and value.isascii() and not set(value) & set(' <>"{}|\\^`')


def is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


# Without further packages, jsonschema checks neither of these.
FORMATS.checks("uri")(is_uri)
FORMATS.checks("date-time", raises=ValueError)(is_moment)


def standard() -> Path:
    """The folder of Open Referral UK 3.0; skips where it is not."""
    default = Path(__file__).parents[2].parent / "shared" / "standards"
    found = Path(os.environ.get("WREN_STANDARDS_DIR") or default) / "oruk_3.0"
    if not found.is_dir():
        pytest.skip(f"Open Referral UK 3.0 is not in {found}; set WREN_STANDARDS_DIR to the folder of standards")
    return found


@cache
def validator(schema: str) -> Draft202012Validator:
    """The validator of one schema, by its name without ``.json``."""
    schemas = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (standard() / "schema").glob("*.json")}
    resources = [(BASE + name, Resource.from_contents(one, default_specification=DRAFT202012)) for name, one in schemas.items()]
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator(schemas[f"{schema}.json"], registry=registry, format_checker=FORMATS)


def errors(schema: str, document: object) -> list[str]:
    """What the published schema finds wrong; and nulls, which it must never meet."""
    found = [f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator(schema).iter_errors(document)]
    return found + [f"{path}: null" for path in nulls(document)]


def nulls(value: object, path: str = "") -> list[str]:
    if value is None:
        return [path]
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for name, one in inside for found in nulls(one, f"{path}/{name}")]
