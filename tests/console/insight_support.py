"""An office with half a year of made-up families, counted, and those who look at it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from bot.insight.collect import collect
from bot.library import Library
from tests.console.support import AREA, ELSEWHERE, Browser, Office, build_office
from tests.insight.simulate import Plan, at, is_open, write

OVERVIEW = "/staff/insight"


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory, library: Library) -> Iterator[Office]:
    """An office with half a year of made-up families in two areas, counted."""
    folder: Path = tmp_path_factory.mktemp("insight")
    office = build_office(f"sqlite:///{folder / 'wren.sqlite3'}", folder, library)
    write(Plan.draw(700, seed=3, areas=(AREA, ELSEWHERE)), office.services.database, with_areas=False)
    collect(office.services.database, is_open, at(date(2025, 7, 2)), most=400)
    yield office
    office.close()


def as_one(office: Office, name: str, *roles: str, area: str | None = AREA) -> Browser:
    return office.browser(office.staff(name, roles=roles, area=area))
