"""The directory in memory at one revision, and how the next one is made of it.

A snapshot never changes. It has parts: a large one of columns as they were loaded, one of what has changed since, and one of
what changed last. What is in a later part is dead in the large one. So an edit costs the reading of that record and of the few
that changed just before it, however large the directory; when the newest part is full, it joins the one before.
"""

import gc
import math
import threading
from collections import ChainMap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, time
from typing import TypeVar

import numpy as np
from sqlalchemy import Connection, Engine, select
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from services_directory import models
from services_directory.arrays import Finder, Hits
from services_directory.columns import Columns, Flags, Floats, build_columns
from services_directory.database import read_revision
from services_directory.loading import (
    Raw,
    changed_since,
    plain,
    read_aliases,
    read_raw,
    read_texts,
    read_venues,
    services_at,
    services_of,
)
from services_directory.nations import key
from services_directory.occurrences import Ints
from services_directory.place_index import PlaceIndex, find_place
from services_directory.postcode_files import PostcodePoints
from services_directory.postings import Postings
from services_directory.query import Query
from services_directory.records import Venue, service_record
from services_directory.search import (
    NAME_WEIGHT,
    TEXT_ENOUGH,
    TEXT_WEIGHT,
    Asked,
    Entry,
    Lexicon,
    concept_rarity,
    keep_one_without_travel,
    make_entry,
    make_ready,
)
from services_directory.terms import Vocabulary, vocabulary
from services_directory.wording import WordList

# Every name of the demonstration has this word.
STOP = frozenset({"example"})
# More changed services than this since all was loaded, or than this share (one in so many), and all is loaded anew.
MOST_CHANGED, SHARE_CHANGED = 500, 20
# The newest part is read anew at every edit, so it stays small.
MOST_NEWEST = 32
MOST_RECORDS = 5_000
LOAD_ATTEMPTS = 5
T = TypeVar("T")


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


@dataclass(frozen=True)
class Part:
    """Some services: their columns, what searches them, and which rows are out of date."""

    columns: Columns
    finder: Finder
    dead: Ints
    texts: "_Texts"
    read: frozenset[str] = frozenset()  # the services that were looked for, whether there or not; of the large part, all

    def named_areas(self) -> Iterator[str]:
        """Yield the keys of the areas that services name as theirs, of rows that are not out of date."""
        for name, rows in self.columns.areas.items():
            if len(rows) > len(self.dead) or not np.isin(rows, self.dead).all():
                yield name


class _Texts:
    """The words of a part's services, read when they are first needed."""

    def __init__(self, engine: Engine, columns: Columns, words: Vocabulary, *, all_of_them: bool) -> None:
        self._engine, self._columns, self._vocabulary, self._all = engine, columns, words, all_of_them
        self._lock = threading.Lock()
        self._postings: Postings | None = None

    def get(self) -> Postings:
        with self._lock:
            if self._postings is None:
                with self._engine.connect() as connection, _no_collection():
                    texts = read_texts(connection, None if self._all else self._columns.ids)
                    self._postings = Postings(self._columns, texts, self._vocabulary, STOP)
            return self._postings


@dataclass(frozen=True)
class Snapshot:
    """All that a search needs, at one revision."""

    revision: int
    engine: Engine
    parts: tuple[Part, ...]
    places: PlaceIndex
    venues: ChainMap[str, Venue | None]  # the changed ones lie over those that were loaded; None: gone
    areas: dict[str, str]  # that services say they serve: names by key
    vocabulary: Vocabulary
    records: dict[str, Entry] = field(default_factory=dict)
    rarities: dict[str, float | None] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many services there are."""
        return sum(len(part.columns) - len(part.dead) for part in self.parts)

    @property
    def changed(self) -> frozenset[str]:
        """The services that were read again since all was loaded."""
        return frozenset().union(*(part.read for part in self.parts[1:]))

    @property
    def lexicon(self) -> Lexicon:
        """What it takes to weigh needs and words."""
        return Lexicon(self.vocabulary, self._rarity, math.log(1 + len(self)), self._word_lists)

    def _word_lists(self) -> list[WordList]:
        return [part.texts.get().list for part in self.parts]

    def _rarity(self, word: str) -> float | None:
        if word not in self.rarities:
            count = sum(part.texts.get().how_many(word, part.dead) for part in self.parts)
            self.rarities[word] = math.log(1 + len(self) / count) if count else None
        return self.rarities[word]

    def ask(self, query: Query, today: date, time_of_day: time) -> Asked:
        """Make a query ready. Raises ``UnknownTerm``."""
        place = find_place(query.place, self.places) if isinstance(query.place, str) else query.place
        return make_ready(self.lexicon, query, place, today, time_of_day)

    def rank(self, asked: Asked, rejected: frozenset[str] | set[str] = frozenset()) -> list[tuple[str, float]]:
        """Return ids and scores down to the end of the page that was asked for, best first, without those of ``rejected``."""
        query = asked.query
        needed = query.offset + query.limit + 1
        best: list[tuple[tuple[float, str, str], bool]] = []
        for part in self.parts:
            hits = part.finder.find(asked, self._text(part, asked), needed + len(rejected))
            best += _best(part.columns, hits, needed + len(rejected))
        best = sorted(found for found in best if found[0][2] not in rejected)
        ranked = best if query.mode else keep_one_without_travel(best, query.limit)
        return [(service_id, -score) for (score, _, service_id), _ in ranked[: query.offset + query.limit]]

    def _text(self, part: Part, asked: Asked) -> tuple[Floats, Flags] | None:
        """Return each row's score for the words, and whether it may be shown for them."""
        if not asked.concepts:
            return None
        lexicon, postings = self.lexicon, part.texts.get()
        share, strength = np.zeros(len(part.columns)), np.zeros(len(part.columns))
        total = 0.0
        for concept in asked.concepts:
            rarity = concept_rarity(concept, lexicon)
            total += rarity
            weight = np.zeros(len(part.columns), dtype=np.uint8)
            for phrase in concept.phrases:
                if all(lexicon.rarity(word) is not None for word in phrase):
                    whole = postings.weights(phrase[0])
                    for word in phrase[1:]:
                        whole = np.minimum(whole, postings.weights(word))
                    weight = np.maximum(weight, whole)
            share += rarity * (weight != 0)
            strength += rarity * weight
        enough = share / total >= TEXT_ENOUGH
        score = np.where(enough, TEXT_WEIGHT * strength / (total * NAME_WEIGHT), 0.0)
        return score, enough if asked.needs is None else np.ones(len(score), dtype=bool)

    def entries(self, ids: Sequence[str]) -> dict[str, Entry]:
        """Return the whole records of some services by id, without those that are not approved and active."""
        missing = [service_id for service_id in ids if service_id not in self.records]
        if missing:
            if len(self.records) > MOST_RECORDS:
                self.records.clear()
            with Session(self.engine) as session:
                query = select(models.Service).where(
                    models.Service.id.in_(missing),
                    models.Service.approval == "approved",
                    models.Service.status == "active",
                )
                for row in session.scalars(query.options(*whole_service())):
                    record = service_record(row, taxonomy=self.vocabulary.name)
                    self.records[record.id] = make_entry(record, self.vocabulary, STOP)
        return {service_id: self.records[service_id] for service_id in ids if service_id in self.records}


def _best(columns: Columns, hits: Hits, needed: int) -> list[tuple[tuple[float, str, str], bool]]:
    """Return the first hits in order, and the first without travel, as sorting key and whether without travel."""
    order = np.lexsort((columns.order[hits.rows], -hits.scores))
    chosen = list(order[:needed])
    chosen += [at for at in order[needed:] if hits.no_travel[at]][:1]
    return [
        ((-float(hits.scores[at]), columns.names[hits.rows[at]], columns.ids[hits.rows[at]]), bool(hits.no_travel[at]))
        for at in chosen
    ]


# ---- Loading ----------------------------------------------------------------------------------------------------------


def load_snapshot(engine: Engine, before: Snapshot | None = None) -> Snapshot:
    """Return the directory as it is now: what changed since ``before``, or all of it."""
    return _steadily(engine, lambda connection, revision: _changed(engine, connection, revision, before))


def _steadily(engine: Engine, read: Callable[[Connection, int], T]) -> T:
    """Read until nobody has written meanwhile: many tables are read one by one."""
    for _ in range(LOAD_ATTEMPTS):
        with engine.connect() as connection:
            revision = read_revision(connection)
            with _no_collection():
                found = read(connection, revision)
        with engine.connect() as connection:
            if read_revision(connection) == revision:
                break
    # After so many writes in a row: what was read last is at least as new as its number, so the next call loads again.
    return found


@contextmanager
def _no_collection() -> Iterator[None]:
    """Do not look for garbage meanwhile: millions of new rows are none, and looking takes as long as reading them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _load_all(engine: Engine, connection: Connection, revision: int) -> Snapshot:
    words = vocabulary()
    venues = read_venues(connection)
    columns = build_columns(read_raw(connection, words.name), venues)
    names = _area_names(connection)
    return Snapshot(
        revision=revision,
        engine=engine,
        parts=(Part(columns, Finder(columns, words), _no_rows(), _Texts(engine, columns, words, all_of_them=True)),),
        places=PlaceIndex(venues, read_aliases(connection), names, PostcodePoints(engine).middle),
        venues=ChainMap({}, {venue.id: venue for venue in venues}),
        areas={key(name): name for name in reversed(names)},
        vocabulary=words,
    )


def _area_names(connection: Connection) -> list[str]:
    shown = (models.Service.approval == "approved", models.Service.status == "active")
    rows = connection.execute(select(models.ServiceArea.name).join(models.Service).where(*shown).distinct())
    return sorted({plain(name) for (name,) in rows})


def _no_rows() -> Ints:
    return np.zeros(0, dtype=np.int64)


def _changed(engine: Engine, connection: Connection, revision: int, before: Snapshot | None) -> Snapshot:
    if before is None:
        return _load_all(engine, connection, revision)
    changed = changed_since(connection, before.revision)
    most = max(MOST_CHANGED, len(before) // SHARE_CHANGED)
    if changed["everything"] or sum(map(len, (before.changed, *changed.values()))) > most:
        return _load_all(engine, connection, revision)
    found = changed["service"] | services_at(connection, sorted(changed["location"]))
    found |= services_of(connection, sorted(changed["organisation"]))
    if len(before.changed | found) > most:
        return _load_all(engine, connection, revision)
    after = replace(_with_venues(connection, before, changed["location"]), revision=revision, records={}, rarities={})
    return _with_services(connection, after, frozenset(found)) if found else after


def _with_venues(connection: Connection, before: Snapshot, changed: set[str]) -> Snapshot:
    """Return the snapshot with some venues as they are now."""
    old = {venue_id: venue for venue_id in changed if (venue := before.venues.get(venue_id)) is not None}
    new = {venue.id: venue for venue in read_venues(connection, sorted(changed))} if changed else {}
    if old == new:
        return before
    over = {**before.venues.maps[0], **dict.fromkeys(changed), **new}
    places = before.places.with_changes(old.values(), new.values())
    return replace(before, venues=ChainMap(over, before.venues.maps[1]), places=places)


def _with_services(connection: Connection, before: Snapshot, found: frozenset[str]) -> Snapshot:
    """Return the snapshot with some services as they are now: in the newest part, or, when it is full, in the one before."""
    base, *later = before.parts
    newest = found | later[1].read if len(later) > 1 else found
    if not later or len(newest) > MOST_NEWEST:
        newest, kept = newest.union(*(part.read for part in later)), [base]
    else:
        kept = [base, later[0]]
    raw = read_raw(connection, before.vocabulary.name, sorted(newest))
    parts = (*(_without(part, newest, before.vocabulary) for part in kept), _small_part(before, raw, newest))
    written = {key(name): name for name in sorted((plain(name) for _, name in raw.areas), reverse=True)}
    areas = {name: before.areas.get(name) or written[name] for part in parts for name in part.named_areas()}
    known = areas.keys() == before.areas.keys()
    places = before.places if known else before.places.with_areas(sorted(areas.values()))
    return replace(before, parts=parts, areas=areas, places=places)


def _small_part(before: Snapshot, raw: Raw, read: frozenset[str]) -> Part:
    linked = sorted({location for _, _, location in raw.links})
    columns = build_columns(raw, [venue for venue in map(before.venues.get, linked) if venue is not None])
    texts = _Texts(before.engine, columns, before.vocabulary, all_of_them=False)
    return Part(columns, Finder(columns, before.vocabulary), _no_rows(), texts, read)


def _without(part: Part, newer: frozenset[str], words: Vocabulary) -> Part:
    """Return a part in which also the rows of services that a newer part has are dead."""
    row_of = part.columns.row_of
    dead = np.union1d(part.dead, np.array([row_of[one] for one in newer if one in row_of], dtype=np.int64))
    return replace(part, finder=Finder(part.columns, words, dead), dead=dead)
