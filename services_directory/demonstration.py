"""The demonstration: two invented districts full of invented services, for trying things out and for tests."""

from datetime import date
from pathlib import Path

from sqlalchemy import Engine

from services_directory.sheet import load_file

DEMONSTRATION_FILE = Path(__file__).parent / "data" / "demonstration.yml"


def load_demonstration(engine: Engine, *, today: date | None = None) -> int:
    """Load the demonstration and return how many services it has. Loading it again on the same day changes nothing."""
    return load_file(engine, DEMONSTRATION_FILE, today=today, remove_missing=True)
