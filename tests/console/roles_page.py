"""Writes docs/roles.md from the console's own routes: `python -m tests.console.roles_page`. A test compares."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from starlette.routing import BaseRoute

from bot.console.roles import ROLES
from bot.console.rules import ANYBODY, Rule, rules
from bot.settings import ROOT

PAGE = ROOT / "docs" / "roles.md"
HEAD = """# Who may do what in the staff console

An account has one or more roles, and belongs to one area or to all. Every route names the roles that may use it; one that names none stops
the console at the start. Whoever is not signed in is sent to sign in, or gets 401; whoever has none of the roles gets 403, and nothing
of what was asked for. Staff of one area find nothing of another: its cases, accounts and messages are not there for them (404), its
rota is their own area's instead. What parents read (`/staff/content`) is of no area: whoever has the role works on it for all
([content-desk.md](content-desk.md)). A test walks every route as nobody, as each role, and as staff of another area
(`tests/console/test_roles.py`).

The table is made from the routes: `python -m tests.console.roles_page`. "asks" means that it asks again who you are, where that was
not shown for a while (`WREN_STEP_UP_MINUTES`).

"""


def table(routes: Iterable[BaseRoute]) -> str:
    """The page for the routes of the console."""
    heads = ["route", "", *ROLES, "asks"]
    lines = ["| " + " | ".join(heads) + " |", "| " + " | ".join("---" for _ in heads) + " |"]
    for (method, path), rule in sorted(rules(routes).items(), key=lambda found: (found[0][1], found[0][0])):
        lines.append("| " + " | ".join([f"`{path}`", method, *_cells(rule), "yes" if rule.again else ""]) + " |")
    return HEAD + "\n".join(lines) + "\n"


def _cells(rule: Rule) -> list[str]:
    if rule.roles == ANYBODY:
        return ["anybody"] * len(ROLES)
    return ["yes" if role in rule.roles else "" for role in ROLES]


def main() -> None:
    from bot.library import Library
    from tests.console.support import build_office

    with tempfile.TemporaryDirectory() as folder:
        office = build_office(f"sqlite:///{folder}/x.sqlite3", Path(folder), Library.load(ROOT))
        ours = [route for route in office.app.routes if str(getattr(route, "path", "")).startswith("/staff")]
        PAGE.write_text(table(ours), encoding="utf-8")
        office.services.database.dispose()


if __name__ == "__main__":
    main()
