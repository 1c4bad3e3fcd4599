"""The clinical-safety pack is held to the code: tests that it names exist, ratings follow its matrix, nothing claims a signature."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.library.yamlfile import read_yaml
from bot.settings import ROOT

FOLDER = ROOT / "docs" / "clinical-safety"
LOG: dict[str, Any] = read_yaml(FOLDER / "hazard-log.yml", ROOT)
HAZARDS: list[dict[str, Any]] = LOG["hazards"]
FIELDS = {"id", "name", "cause", "effect", "initial", "controls", "council", "not_yet", "residual", "owner"}
PAGES = [*FOLDER.rglob("*.md"), *(ROOT / "docs").glob("data-protection*.md"), ROOT / "docs" / "safety-phrases.md"]
NAMED = re.compile(r"(tests/[\w/]+\.py)::(\w+)")


@lru_cache
def functions(path: Path) -> frozenset[str]:
    """The names of the test functions in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def exists(named: str) -> bool:
    """Whether "tests/…/test_x.py::test_name" is a test of this repository."""
    path, _, name = named.partition("::")
    return (ROOT / path).is_file() and name.startswith("test_") and name in functions(ROOT / path)


def rated(risk: dict[str, Any]) -> int:
    scales = LOG["scales"]
    return int(scales["matrix"][risk["severity"]][scales["likelihood"].index(risk["likelihood"])])


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard["id"])
def test_each_hazard_is_whole_and_each_of_its_tests_exists(hazard: dict[str, Any]) -> None:
    assert set(hazard) == FIELDS
    assert all(hazard[field] for field in ("name", "cause", "effect", "owner"))
    assert hazard["controls"]
    for control in hazard["controls"]:
        assert set(control) == {"what", "shown_by"} and control["what"] and control["shown_by"]
        for named in control["shown_by"]:
            assert exists(named), f"{hazard['id']} names {named}"


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard["id"])
def test_each_rating_is_the_one_of_the_matrix(hazard: dict[str, Any]) -> None:
    assert hazard["initial"]["rating"] == rated(hazard["initial"])
    if hazard["residual"] is not None:
        assert hazard["residual"]["rating"] == rated(hazard["residual"])
        assert hazard["residual"]["why"]


def test_nobody_judges_what_remains_before_a_safety_officer_has_signed() -> None:
    judged = [hazard["id"] for hazard in HAZARDS if hazard["residual"] is not None]
    if LOG["signed"] is None or LOG["clinical_safety_officer"] is None:
        assert judged == []
        assert LOG["status"] == "draft"
        assert "Nobody has signed any of this" in (FOLDER / "README.md").read_text(encoding="utf-8")
    else:
        assert len(judged) == len(HAZARDS)


def test_hazards_are_numbered_once_and_in_order() -> None:
    assert [hazard["id"] for hazard in HAZARDS] == [f"H{number:02d}" for number in range(1, len(HAZARDS) + 1)]
    assert len({hazard["name"] for hazard in HAZARDS}) == len(HAZARDS)


def test_the_plan_shows_the_matrix_of_the_log() -> None:
    plan = (FOLDER / "risk-management-plan.md").read_text(encoding="utf-8")
    assert "| | " + " | ".join(LOG["scales"]["likelihood"]) + " |" in plan
    for severity in LOG["scales"]["severity"]:
        row = LOG["scales"]["matrix"][severity]
        assert f"| {severity} | " + " | ".join(map(str, row)) + " |" in plan
        assert row == sorted(row)


def test_a_worse_harm_is_never_rated_lower() -> None:
    rows = [LOG["scales"]["matrix"][severity] for severity in LOG["scales"]["severity"]]
    for milder, worse in pairwise(rows):
        assert all(one <= other for one, other in zip(milder, worse, strict=True))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_named_on_a_page_exists(page: Path) -> None:
    for path, name in NAMED.findall(page.read_text(encoding="utf-8")):
        assert exists(f"{path}::{name}"), f"{page.name} names {path}::{name}"


def test_a_test_that_does_not_exist_would_be_seen() -> None:
    assert exists("tests/test_clinical_safety.py::test_a_test_that_does_not_exist_would_be_seen")
    assert not exists("tests/test_clinical_safety.py::test_that_nobody_wrote")
    assert not exists("tests/test_nowhere.py::test_that_nobody_wrote")
    assert not exists("tests/test_clinical_safety.py::exists")
