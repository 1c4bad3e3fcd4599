"""The directory as a caller sees it: search, look up, find a place. Reads only; every call blocks for milliseconds."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, select
from sqlalchemy.orm import Session, selectinload

from services_directory import models
from services_directory.database import read_revision
from services_directory.freshness.limits import read_limits, search_within
from services_directory.freshness.translations import Wording, wordings
from services_directory.place_index import PlaceIndex, find_place
from services_directory.places import Place
from services_directory.postcode_files import PostcodePoints
from services_directory.query import Match, Query
from services_directory.records import Service, service_record, venue_record
from services_directory.search import Index, build_index, match_entry
from services_directory.snapshot import STOP, Snapshot, load_snapshot, whole_service
from services_directory.terms import vocabulary

__all__ = ["Directory", "load_index", "london_now", "whole_service"]

LONDON = ZoneInfo("Europe/London")
# Loading reads many tables one by one; if somebody writes meanwhile it starts again, but not for ever.
LOAD_ATTEMPTS = 5
MOST_LOOKED_AT = 100


def london_now() -> datetime:
    """Return the time on the wall in London."""
    return datetime.now(LONDON)


class Directory:
    """Searches the services that are approved and active.

    Each call compares one number in the database with that of the snapshot in memory and, if somebody has written since,
    in whatever process, loads what changed. Safe to share between threads.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = london_now) -> None:
        """``engine``: a database on which ``migrate`` has run. ``clock``: local time, for sessions and staleness."""
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._index: Index | None = None
        self._limits: tuple[int, dict[str, int]] | None = None

    def search(self, query: Query) -> list[Match]:
        """Return the matches, best first. Raises ``UnknownTerm`` for a need or topic that is not known.

        What nobody has checked within its area's limit is left out, unless nothing else matches.
        """
        moment, snapshot = self._clock(), self._current_snapshot()
        limits = self._limits_at(snapshot.revision)
        return search_within(lambda asked: self._search(snapshot, asked, moment), query, limits, query.at or moment.date())

    def _search(self, snapshot: Snapshot, query: Query, moment: datetime) -> list[Match]:
        """Return the matches whatever their age."""
        asked = snapshot.ask(query, moment.date(), moment.time().replace(tzinfo=None))
        rejected: set[str] = set()
        while True:
            ranked = [service_id for service_id, _ in snapshot.rank(asked, rejected)]
            # Pages far on are taken as they come.
            ranked = ranked if query.offset <= MOST_LOOKED_AT else ranked[query.offset :]
            entries = snapshot.entries(ranked)
            found = {one: match_entry(snapshot.lexicon, asked, entries[one]) if one in entries else None for one in ranked}
            refused = {service_id for service_id, match in found.items() if match is None}
            if not refused:
                page = ranked[query.offset :] if query.offset <= MOST_LOOKED_AT else ranked
                return [match[0] for match in map(found.__getitem__, page) if match is not None]
            # The rules have the last word: what they refuse makes room for the next.
            rejected |= refused

    def service(self, service_id: str) -> Service | None:
        """Return one service by our id, or ``None`` if it is not approved and active."""
        entry = self._current_snapshot().entries([service_id]).get(service_id)
        return entry.service if entry else None

    def wordings(self, service_ids: Sequence[str], language: str) -> dict[str, Wording]:
        """Return the names and descriptions held in ``language`` of some services, by id."""
        with Session(self._engine) as session:
            return wordings(session, service_ids, language)

    def find_place(self, text: str) -> Place | None:
        """Return the place that a parent's words speak of, or ``None``."""
        return find_place(text, self._current_snapshot().places)

    def place_at(self, latitude: float, longitude: float) -> Place:
        """Return the place of a pin on a map, in degrees. Raises ``ValueError`` for a point that is nowhere."""
        return self._current_snapshot().places.at_point(latitude, longitude)

    def hubs(self) -> tuple[str, ...]:
        """Return the names of the Family Hubs, to ask which is nearest."""
        return self._current_snapshot().places.hubs

    def revision(self) -> int:
        """Return the revision that answers come from now."""
        return self._current_snapshot().revision

    def prepare(self, *, texts: bool = True) -> None:
        """Load now what the first search would load, and with ``texts`` what the first search for words would."""
        snapshot = self._current_snapshot()
        self._limits_at(snapshot.revision)
        if texts:
            snapshot.lexicon.rarity("")

    def _limits_at(self, revision: int) -> dict[str, int]:
        limits = self._limits
        if limits is None or limits[0] != revision:
            with self._engine.connect() as connection:
                limits = self._limits = (revision, read_limits(connection))
        return limits[1]

    def _current_snapshot(self) -> Snapshot:
        with self._engine.connect() as connection:
            revision = read_revision(connection)
        snapshot = self._snapshot
        if snapshot is not None and snapshot.revision == revision:
            return snapshot
        with self._lock:
            if self._snapshot is None or self._snapshot.revision != revision:
                self._snapshot = load_snapshot(self._engine, self._snapshot)
            return self._snapshot

    def _current(self) -> Index:
        """Return the plain index of whole records, which the fast one is held against."""
        with self._engine.connect() as connection:
            revision = read_revision(connection)
        if self._index is None or self._index.revision != revision:
            self._index = load_index(self._engine)
        return self._index


def load_index(engine: Engine) -> Index:
    """Read the whole directory into an index of one revision."""
    for _ in range(LOAD_ATTEMPTS):
        with engine.connect() as connection:
            before = read_revision(connection)
            index = _read(connection, before)
        with engine.connect() as connection:
            if read_revision(connection) == before:
                break
    # After so many writes in a row: what was read last is at least as new as its number, so the next call loads again.
    return index


def _read(connection: Connection, revision: int) -> Index:
    words = vocabulary()
    with Session(connection) as session:
        shown = select(models.Service).where(models.Service.approval == "approved", models.Service.status == "active")
        services = [
            service_record(row, taxonomy=words.name)
            for row in session.scalars(shown.options(*whole_service()).execution_options(populate_existing=True))
        ]
        physical = select(models.Location).where(models.Location.location_type == "physical")
        venues = [
            venue_record(row)
            for row in session.scalars(
                physical.options(
                    selectinload(models.Location.addresses),
                    selectinload(models.Location.accessibility),
                )
            )
        ]
        aliases = [
            (alias, place)
            for alias, place in session.execute(
                select(models.PlaceAlias.alias, models.PlaceAlias.place).order_by(models.PlaceAlias.id)
            )
        ]
    areas = sorted({area for service in services for area in service.areas})
    places = PlaceIndex(venues, aliases, areas, PostcodePoints(connection.engine).middle)
    return build_index(revision, services, places, words, STOP)
