"""A night's deletions: taken up by one process, done in short slices, recorded kind by kind.

Each area has its night by its own clock; what belongs to no area has one too, by the clock of the default team. A process that dies loses
its lease, and another goes on where it was: removing twice is removing once.
"""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.handoff.hours import Teams
from bot.retention.purge import PURGES, Due, Removing
from bot.retention.schedule import KINDS, Kind, Schedule
from bot.storage.crypto import KeyMissing, Keyring
from bot.storage.engine import Database
from bot.storage.incidents import note_incident
from bot.storage.tables import Area, RetentionNight, RetentionRun
from bot.storage.upsert import insert

log = logging.getLogger(__name__)
SLICE = 1.0
"""Seconds that one sweep gives to the night's work; the next one goes on."""

LEASE = timedelta(minutes=5)
NOBODYS = ""
"""The area of what belongs to none, as it is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What the night's work needs of a process."""

    database: Database
    keyring: Keyring
    schedule: Schedule
    teams: Teams


@dataclass(frozen=True, slots=True)
class Night:
    """One night of an area ("" for what belongs to none); `day` is its own, "2026-11-27"."""

    area: str
    day: str

    @property
    def area_id(self) -> str | None:
        return self.area or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a night would do of one kind: rows that are due since before `cut`, and due rows that a hold keeps."""

    area: str
    kind: str
    cut: datetime
    due: int
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a kind ended: how many due rows a hold keeps, and the name of what went wrong."""

    held: int = 0
    failed: str | None = None


class Nights:
    """The nights of one process. Blocking."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        self._areas: tuple[str, ...] | None = None
        self._ours: dict[Night, str] = {}
        self._over: set[Night] = set()

    def slice(self, moment: datetime, seconds: float = SLICE) -> None:
        """Do some of what tonight's work is left to this process, for about `seconds`."""
        end = time.monotonic() + seconds
        for night in self._begun(moment):
            if night not in self._over and self._claim(night, moment) and not self._work(night, moment, end):
                return

    def run(self, moment: datetime) -> list[str]:
        """Do all of it now, whatever the hour and whether it was done today; returns the areas that another process is at."""
        busy = []
        for night in self._today(moment):
            if self._claim(night, moment, again=True):
                self._work(night, moment, math.inf)
            else:
                busy.append(night.area)
        return busy

    def count(self, moment: datetime) -> list[Counted]:
        """What `run` would remove, removing nothing. What goes with its case or its person is not counted apart."""
        found = []
        with self._keeping.database.read() as session:
            for night in self._today(moment):
                for kind in kinds_of(night):
                    due, purges = self._due(night, kind, moment), PURGES[kind.name]
                    number = sum(purge.count(session, due) for purge in purges)
                    held = sum(purge.count_held(session, due) for purge in purges)
                    found.append(Counted(area=night.area, kind=kind.name, cut=due.cut, due=number, held=held))
        return found

    # Which nights

    def _today(self, moment: datetime) -> list[Night]:
        """Today's night of each area, by its clock, whatever the hour."""
        if self._areas is None:  # areas are made when a process starts
            with self._keeping.database.read() as session:
                self._areas = (NOBODYS, *session.scalars(select(Area.id).order_by(Area.id)))
        return [Night(area, f"{self._local(area, moment):%Y-%m-%d}") for area in self._areas]

    def _begun(self, moment: datetime) -> Iterator[Night]:
        """Those whose hour has come. One that was slept through is done late: a machine may be off at night."""
        for night in self._today(moment):
            if self._local(night.area, moment).hour >= self._keeping.schedule.hour:
                yield night

    def _local(self, area: str, moment: datetime) -> datetime:
        return moment.astimezone(self._keeping.teams.of(area).zone)

    def _claim(self, night: Night, moment: datetime, *, again: bool = False) -> bool:
        """Whether the night is this process's to work on; `again` also where it is over."""
        token = self._ours.setdefault(night, secrets.token_hex(12))
        free = or_(RetentionNight.lease_until.is_(None), RetentionNight.lease_until < moment, RetentionNight.lease_token == token)
        with self._keeping.database.write() as session:
            _insert(session, RetentionNight, ["area", "day"], area=night.area, day=night.day, started_at=moment)
            row = session.get_one(RetentionNight, (night.area, night.day), with_for_update=True)
            if row.ended_at is not None and not again:
                self._over.add(night)
                return False
            mine = update(RetentionNight).where(_same_night(night), free).values(lease_token=token, lease_until=moment + LEASE)
            if session.execute(mine).rowcount != 1:  # type: ignore[attr-defined]
                return False
            self._open_record(session, night, moment, again)
        return True

    def _open_record(self, session: Session, night: Night, moment: datetime, again: bool) -> None:
        """A line for each kind; `again` lets those be worked on that are over, and what was removed before still counts."""
        for kind in kinds_of(night):
            values = {"cut": self._due(night, kind, moment).cut, "removed": 0, "held": 0, "started_at": moment}
            _insert(session, RetentionRun, ["area", "day", "kind"], area=night.area, day=night.day, kind=kind.name, **values)
        if again:
            session.execute(update(RetentionRun).where(_runs_of(night)).values(ended_at=None, failed=None))

    # The work

    def _work(self, night: Night, moment: datetime, end: float) -> bool:
        """Go on with the night until `end`, by the monotonic clock; says whether it is over."""
        with self._keeping.database.read() as session:
            left = set(session.scalars(select(RetentionRun.kind).where(_runs_of(night), RetentionRun.ended_at.is_(None))))
        outcomes: dict[str, Outcome] = {}
        for kind in kinds_of(night):
            outcome = self._kind(night, kind, moment, end) if kind.name in left else Outcome()
            if outcome is None:
                break
            if kind.name in left:
                outcomes[kind.name] = outcome
        else:
            self._over.add(night)
        self._record(night, moment, outcomes)
        return night in self._over

    def _kind(self, night: Night, kind: Kind, moment: datetime, end: float) -> Outcome | None:
        """Go on with one kind until `end`; None if it is not over by then. What fails is tried again the next night."""
        due, purges = self._due(night, kind, moment), PURGES[kind.name]
        try:
            while self._step(night, kind, due):
                if time.monotonic() > end:
                    return None
            with self._keeping.database.read() as session:
                return Outcome(held=sum(purge.count_held(session, due) for purge in purges))
        except (SQLAlchemyError, KeyMissing) as error:
            log.error("retention: %s failed (%s)", kind.name, type(error).__name__)
            return Outcome(failed=type(error).__name__)

    def _step(self, night: Night, kind: Kind, due: Due) -> int:
        """Remove the next batch of a kind; returns how many rows went, 0 when none is left."""
        database = self._keeping.database
        for purge in PURGES[kind.name]:
            with database.read() as session:
                keys = purge.find(session, due)
            if keys:
                with database.write() as session:
                    removed = purge.remove(Removing(session=session, keyring=self._keeping.keyring, due=due), keys)
                    line = update(RetentionRun).where(_runs_of(night), RetentionRun.kind == kind.name)
                    session.execute(line.values(removed=RetentionRun.removed + removed))
                if removed:
                    return removed
        return 0

    def _due(self, night: Night, kind: Kind, moment: datetime) -> Due:
        schedule = self._keeping.schedule
        cut, end = schedule.period(kind.name, night.area).before(moment), schedule.period("tombstones").after(moment)
        return Due(cut=cut, moment=moment, area_id=night.area_id, tombstones_end=end)

    def _record(self, night: Night, moment: datetime, outcomes: Mapping[str, Outcome]) -> None:
        """Write down which kinds are over, and the end of the night if that was all."""
        with self._keeping.database.write() as session:
            for kind, outcome in outcomes.items():
                line = update(RetentionRun).where(_runs_of(night), RetentionRun.kind == kind)
                session.execute(line.values(ended_at=moment, held=outcome.held, failed=outcome.failed))
                if outcome.failed:
                    note_incident(session, "retention-failed", kind)
            if night in self._over:
                over = {"ended_at": moment, "lease_until": None, "lease_token": None}
                session.execute(update(RetentionNight).where(_same_night(night)).values(**over))


def kinds_of(night: Night) -> list[Kind]:
    """The kinds that a night deletes: an area's those that belong to areas, the one of no area all."""
    return [kind for kind in KINDS if kind.by_area or night.area == NOBODYS]


def _same_night(night: Night) -> ColumnElement[bool]:
    return (RetentionNight.area == night.area) & (RetentionNight.day == night.day)


def _runs_of(night: Night) -> ColumnElement[bool]:
    return (RetentionRun.area == night.area) & (RetentionRun.day == night.day)


def _insert(session: Session, table: type[RetentionNight] | type[RetentionRun], unique: list[str], **values: object) -> None:
    """Make the row unless it is there."""
    session.execute(insert(session, table).values(**values).on_conflict_do_nothing(index_elements=unique))
