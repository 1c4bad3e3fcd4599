"""The directory as a caller sees it: search, look up, find a place. Reads only; every call blocks for milliseconds."""

import threading
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, select
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from services_directory import models
from services_directory.database import read_revision
from services_directory.places import Place, PlaceIndex, find_place
from services_directory.query import Match, Query
from services_directory.records import Service, service_record, venue_record
from services_directory.search import Index, build_index, search
from services_directory.terms import vocabulary

LONDON = ZoneInfo("Europe/London")
# Loading reads many tables one by one; if somebody writes meanwhile it starts again, but not for ever.
LOAD_ATTEMPTS = 5


def london_now() -> datetime:
    """Return the time on the wall in London."""
    return datetime.now(LONDON)


class Directory:
    """Searches the services that are approved and active.

    Each call compares one number in the database with that of the index in memory and, if somebody has written since,
    in whatever process, loads the index anew. Safe to share between threads.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = london_now) -> None:
        """``engine``: a database on which ``migrate`` has run. ``clock``: local time, for sessions and staleness."""
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._index: Index | None = None

    def search(self, query: Query) -> list[Match]:
        """Return the matches, best first. Raises ``UnknownTerm`` for a need that is not in the vocabulary."""
        moment = self._clock()
        return search(self._current(), query, today=moment.date(), time_of_day=moment.time().replace(tzinfo=None))

    def service(self, service_id: str) -> Service | None:
        """Return one service by our id, or ``None`` if it is not approved and active."""
        entries = self._current().entries
        return next((entry.service for entry in entries if entry.service.id == service_id), None)

    def find_place(self, text: str) -> Place | None:
        """Return the place that a parent's words speak of, or ``None``."""
        return find_place(text, self._current().places)

    def hubs(self) -> tuple[str, ...]:
        """Return the names of the Family Hubs, to ask which is nearest."""
        return self._current().places.hubs

    def revision(self) -> int:
        """Return the revision that answers come from now."""
        return self._current().revision

    def _current(self) -> Index:
        with self._engine.connect() as connection:
            revision = read_revision(connection)
        index = self._index
        if index is not None and index.revision == revision:
            return index
        with self._lock:
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


def whole_service() -> tuple[ORMOption, ...]:
    """Return what to load along with services, so that a record needs no query of its own."""
    at_locations = selectinload(models.Service.service_at_locations)
    location = at_locations.joinedload(models.ServiceAtLocation.location)
    attributes = selectinload(models.Service.attributes).joinedload(models.Attribute.taxonomy_term)
    return (
        joinedload(models.Service.organisation),
        selectinload(models.Service.modes),
        location.selectinload(models.Location.addresses),
        location.selectinload(models.Location.accessibility),
        selectinload(models.Service.schedules),
        selectinload(models.Service.exceptions),
        selectinload(models.Service.phones),
        selectinload(models.Service.contacts),
        selectinload(models.Service.languages),
        selectinload(models.Service.cost_options),
        selectinload(models.Service.service_areas),
        selectinload(models.Service.funding),
        attributes.joinedload(models.TaxonomyTerm.taxonomy),
    )


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
    places = PlaceIndex(venues, aliases, areas)
    return build_index(revision, services, places, words, frozenset({"example"}))
