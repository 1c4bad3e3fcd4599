"""What an import would do, worked out without writing anything: added, changed, left, in conflict, refused, gone, doubtful.

A source may change what it said itself. What staff changed since stays, and is shown: three forms are compared, field by
field: what is stored, what the source said last time, and what it says now.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from services_directory.imports.forms import Form
from services_directory.imports.notes import Note, Said

ACTIONS = ("add", "change", "leave", "refuse")

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Options:
    """How to import. ``take_theirs``: in a conflict the source wins. ``mark_gone``: what it no longer has becomes inactive.

    ``by`` and ``by_id``: whoever imports, for the history; 0 for nobody with an account. ``brought_by``: whoever brought the file.
    """

    source: str
    area_id: str | None = None
    approve: bool = False
    take_theirs: bool = False
    mark_gone: bool = False
    all_or_nothing: bool = False
    by: str = ""
    by_id: int = 0
    brought_by: int = 0


@dataclass(frozen=True)
class Change:
    """One field: what is stored (``old``) and what the source says now (``new``), as plain JSON values."""

    field: str
    old: Any
    new: Any


@dataclass
class Row:
    """What would happen to one record, and why. ``foreign``: of another source or area, and so never changed. ``ours``: it came
    under our own id, from an export; what is not in that form has not been taken away."""

    kind: str
    action: str
    where: Said | str
    id: str
    source_id: str
    name: str
    changes: list[Change] = field(default_factory=list)
    conflicts: list[Change] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    form: Form = field(default_factory=dict, repr=False)
    foreign: bool = False
    ours: bool = False


@dataclass(frozen=True)
class Gone:
    """A service that the source had and has no longer."""

    id: str
    source_id: str
    name: str


@dataclass(frozen=True)
class Alike:
    """Two services that may be the same; ``other`` was there before, or came earlier in the file."""

    id: str
    name: str
    other_id: str
    other_name: str
    other_source: Said | str
    why: Said


@dataclass(frozen=True)
class Suggestion:
    """A need that an untagged service may answer."""

    id: str
    name: str
    code: str
    why: Said


@dataclass
class Plan:
    """Everything that an import would do. ``terms``: the source's own terms by taxonomy and code. ``short``: as of ``Reading``."""

    options: Options
    form: str
    rows: list[Row] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    alike: list[Alike] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)
    terms: dict[tuple[str, str], Form] = field(default_factory=dict)
    too_many_gone: bool = False
    short: Said | None = None

    def services(self, action: str) -> list[Row]:
        """Return the services with that action, in the order in which they came."""
        return [row for row in self.rows if row.kind == "service" and row.action == action]

    @property
    def conflicts(self) -> list[Row]:
        """Return all records in which staff and the source have changed the same field."""
        return [row for row in self.rows if row.conflicts]

    @property
    def gone_now(self) -> list[Gone]:
        """Return what applying would mark inactive."""
        return self.gone if self.options.mark_gone and not self.too_many_gone else []

    @property
    def blocked(self) -> bool:
        """Tell whether applying would refuse: something is wrong, and all or nothing was asked for."""
        return self.options.all_or_nothing and bool(self.services("refuse"))

    @property
    def nothing_to_do(self) -> bool:
        """Tell whether applying would change no record."""
        writes = any(row.action in ("add", "change") for row in self.rows)
        taken = self.options.take_theirs and any(not row.foreign for row in self.conflicts)
        return not (writes or taken or self.gone_now or self.alike or self.suggestions)
