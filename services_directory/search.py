"""Which services suit, best first, and why. Pure functions over an index in memory.

Gates come first: status and dates were seen to when the index was built, then need, words, age, mode, place. What passes
them all is scored by the weights below; then one place on the first page is kept for something without travel.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TypeVar

from services_directory.nations import key
from services_directory.place_index import PlaceIndex, find_place
from services_directory.places import Place, miles_between, read_postcode
from services_directory.query import Match, Query, Reason, ReasonValue, reason
from services_directory.records import Cost, Service, Session, Timetable, Venue
from services_directory.terms import UnknownTerm, Vocabulary
from services_directory.text import search_words, stem, words
from services_directory.timetables import all_over, fits, next_session, open_at, term_unknown
from services_directory.wording import Concept, WordList, concepts

# Further than this with a pram and a bus is not near.
TRAVEL_MILES = 15.0
# Open Referral UK asks for a check every three months.
FRESH_DAYS = 90
OLD_DAYS = 730
SOON = timedelta(days=7)
NO_TRAVEL = frozenset({"phone", "online", "home"})

# So heavy that an entry tagged with the need itself stays above one that is only tagged with what the need is part of.
NEED_WEIGHT = 8.0
CHILD_STEP, PARENT_STEP = 0.85, 0.5
TEXT_WEIGHT = 2.0
DISTANCE_WEIGHT = 2.0
# The distance at which going there is worth 1/e of being next door.
DISTANCE_SCALE_MILES = 5.0
IN_PLACE = 1.2
SERVES, MAY_SERVE = 0.8, 0.4
SOON_WEIGHT = 0.4
LANGUAGE_WEIGHT, INTERPRETER_WEIGHT = 1.5, 0.6
LEVEL = {"universal": 0.3, "targeted": 0.15, "specialist": 0.0}
STALE_AT_ONCE, STALE_AT_MOST = 0.6, 2.0

NAME_WEIGHT, TERM_WEIGHT, BODY_WEIGHT = 3.0, 2.0, 1.0
# Below this share of the (weighted) words that were asked for, a service is about something else.
TEXT_ENOUGH = 0.34
T = TypeVar("T")
# "This week" is today and the six days after it; a wish for days of the week or a part of the day looks four weeks ahead.
WEEK, AHEAD = timedelta(days=6), timedelta(days=27)


@dataclass(frozen=True)
class Entry:
    """A service in the index: its record, the keys of its areas, and how much each word says of it."""

    service: Service
    areas: frozenset[str]
    weights: dict[str, float]


@dataclass(frozen=True)
class Index:
    """All that a search needs, at one revision."""

    revision: int
    entries: tuple[Entry, ...]
    places: PlaceIndex
    vocabulary: Vocabulary
    rarity: dict[str, float]
    word_list: WordList

    @property
    def lexicon(self) -> "Lexicon":
        """What it takes to weigh needs and words."""
        return Lexicon(self.vocabulary, self.rarity.get, math.log(1 + len(self.entries)), lambda: (self.word_list,))


@dataclass(frozen=True)
class Lexicon:
    """The vocabulary of needs, and how telling each word is: ``None`` if no service has it, then it counts as ``rarest``."""

    vocabulary: Vocabulary
    rarity: Callable[[str], float | None]
    rarest: float
    word_lists: Callable[[], Sequence[WordList]]


@dataclass(frozen=True)
class Asked:
    """A query made ready: its place found, its words split and mended, its day fixed, its need or topic as weighted terms."""

    query: Query
    place: Place | None
    concepts: tuple[Concept, ...]
    at: date
    after: time | None
    needs: tuple[tuple[str, float], ...] | None


@dataclass(frozen=True)
class _Reach:
    """How a service can be used from a place: the venue to go to and how far, whether it serves, and without travel."""

    score: float
    venue: Venue | None
    miles: float | None
    reasons: tuple[Reason, ...]
    no_travel: bool


def build_index(
    revision: int, services: Sequence[Service], places: PlaceIndex, vocabulary: Vocabulary, stop: frozenset[str]
) -> Index:
    """Index approved services. ``stop``: words too common in names to mean anything (such as ``example``)."""
    entries = tuple(make_entry(service, vocabulary, stop) for service in sorted(services, key=lambda s: (s.name, s.id)))
    counts = Counter(word for entry in entries for word in entry.weights)
    rarity = {word: math.log(1 + len(entries) / count) for word, count in counts.items()}
    return Index(revision, entries, places, vocabulary, rarity, WordList(rarity))


def make_entry(service: Service, vocabulary: Vocabulary, stop: frozenset[str]) -> Entry:
    """Return the service with its words. ``stop``: words that mean nothing."""
    weights: dict[str, float] = {}
    terms = [vocabulary.terms[code] for code in service.needs if code in vocabulary.terms]
    fields = (
        (BODY_WEIGHT, " ".join((service.description, service.organisation, service.eligibility or ""))),
        (TERM_WEIGHT, " ".join(word for term in terms for word in (term.name, *term.words))),
        (NAME_WEIGHT, service.name),
    )
    for weight, text in fields:
        for word in search_words(text):
            if word not in stop:
                weights[stem(word)] = weight
    return Entry(service, frozenset(key(area) for area in service.areas), weights)


def search(index: Index, query: Query, *, today: date, time_of_day: time) -> list[Match]:
    """Return the page of matches that ``query`` asks for. Raises ``UnknownTerm`` for a need or topic that is not known.

    This looks at every service in turn. ``arrays`` finds the same, faster, in directories of any size.
    """
    place = find_place(query.place, index.places) if isinstance(query.place, str) else query.place
    asked = make_ready(index.lexicon, query, place, today, time_of_day)
    found = [match for match in (match_entry(index.lexicon, asked, entry) for entry in index.entries) if match is not None]
    found.sort(key=lambda pair: (-pair[0].score, pair[0].service.name, pair[0].service.id))
    ranked = found if query.mode else keep_one_without_travel(found, query.limit)
    return [match for match, _ in ranked[query.offset : query.offset + query.limit]]


def make_ready(lexicon: Lexicon, query: Query, place: Place | None, today: date, time_of_day: time) -> Asked:
    """Return the query made ready. Raises ``UnknownTerm``."""
    at = query.at or today
    after = time_of_day if at == today else None

    def known(word: str) -> bool:
        return lexicon.rarity(word) is not None

    def rarity(word: str) -> float:
        return lexicon.rarity(word) or lexicon.rarest

    looked_for: tuple[Concept, ...] = ()
    if query.text:
        of_place = set(words(place.name)) | {part for name in place.within for part in name.split()} if place else set()
        looked_for = concepts(query.text, known, rarity, lexicon.word_lists(), of_place)
    return Asked(query, place, looked_for, at, after, wanted_needs(lexicon.vocabulary, query))


def wanted_needs(vocabulary: Vocabulary, query: Query) -> tuple[tuple[str, float], ...] | None:
    """Return the terms asked for with their weights, or ``None`` if none were. Raises ``UnknownTerm``."""
    if query.need is not None:
        if query.need not in vocabulary.terms:
            raise UnknownTerm(query.need)
        return ((query.need, 1.0),)
    if query.topic is None:
        return None
    if query.topic not in vocabulary.weights:
        raise UnknownTerm(query.topic)
    return tuple(vocabulary.weights[query.topic].items())


def keep_one_without_travel(found: list[tuple[T, bool]], limit: int) -> list[tuple[T, bool]]:
    """Put the best option without travel last on the first page, if the page has none; pages after it follow on."""
    if limit < 2 or any(no_travel for _, no_travel in found[:limit]):
        return found
    for position in range(limit, len(found)):
        if found[position][1]:
            rest = found[:position] + found[position + 1 :]
            return [*rest[: limit - 1], found[position], *rest[limit - 1 :]]
    return found


def match_entry(lexicon: Lexicon, asked: Asked, entry: Entry) -> tuple[Match, bool] | None:
    """Return the match and whether it needs no travel, or ``None`` if a gate is shut."""
    service = entry.service
    if not _open_to_view(service, asked.at) or all_over(service.timetables, asked.at):
        return None
    need = _need(lexicon.vocabulary, asked.needs, service)
    text = _text(lexicon, asked.concepts, entry, asked.needs is not None)
    if need is None or text is None or not _age_fits(asked.query.age_months, service):
        return None
    reach = None if asked.query.free and not is_free(service.costs, asked.at) else _reach(asked, entry)
    if reach is None:
        return None
    venue_id = reach.venue.id if reach.venue else None
    session = _next_session(asked, service, venue_id)
    extras = (
        _age(asked, service),
        _language(asked, service),
        _soon(asked, session),
        _term_time(asked, service),
        _freshness(asked, service),
    )
    scored = (need, text, (reach.score, reach.reasons), *extras)
    match = Match(
        service=service,
        why=tuple(why for _, reasons in scored for why in reasons),
        distance_miles=reach.miles,
        venue=reach.venue,
        next_session=session,
        phones=service.phones,
        costs=_costs_now(service.costs, asked.at),
        how_to_join=service.how_to_join,
        checked=service.checked,
        stale=_is_stale(service.checked, asked.at),
        score=round(sum(score for score, _ in scored) + LEVEL[service.level_of_need], 6),
    )
    return match, reach.no_travel


@lru_cache(maxsize=100_000)
def _first_session(timetables: tuple[Timetable, ...], at: date, venue_id: str | None) -> Session | None:
    """Keep the answer: rules are slow to expand, and all who ask on one day ask for the same day."""
    return next_session(timetables, at, venue_id=venue_id)


def _next_session(asked: Asked, service: Service, venue_id: str | None) -> Session | None:
    session = _first_session(service.timetables, asked.at, venue_id)
    if session is None or session.date != asked.at or asked.after is None:
        return session
    return next_session(service.timetables, asked.at, after=asked.after, venue_id=venue_id)


_Scored = tuple[float, tuple[Reason, ...]]
_NOTHING: _Scored = (0.0, ())


def _scored(score: float, code: str, arguments: dict[str, ReasonValue] | None = None) -> _Scored:
    return score, (reason(code, arguments),)


def _open_to_view(service: Service, at: date) -> bool:
    begun = service.visible_from is None or service.visible_from <= at
    return begun and (service.visible_to is None or at <= service.visible_to)


def _need(vocabulary: Vocabulary, needs: tuple[tuple[str, float], ...] | None, service: Service) -> _Scored | None:
    """Score the service's best tag; ``None`` if a need was asked for and no tag answers it, or there is no tag."""
    if needs is None:
        return _NOTHING
    best: tuple[float, str] | None = None
    for tag in service.needs:
        for need, weight in needs if tag in vocabulary.terms else ():
            steps = vocabulary.steps(need, tag)
            if steps is not None:
                best = max(best or (0.0, ""), (weight * closeness(steps), tag))
    return None if best is None else _scored(NEED_WEIGHT * best[0], "need", {"term": best[1]})


def closeness(steps: int) -> float:
    """Return how well a tag answers a need that is so many steps away (see ``Vocabulary.steps``)."""
    return CHILD_STEP**steps if steps >= 0 else PARENT_STEP**-steps


def concept_rarity(concept: Concept, lexicon: Lexicon) -> float:
    """Return how telling a concept is: as its commonest phrase, and a phrase as its rarest word.

    A word that no service has is as telling as the rarest that one has.
    """
    return min(max(lexicon.rarity(word) or lexicon.rarest for word in phrase) for phrase in concept.phrases)


def _text(lexicon: Lexicon, asked: tuple[Concept, ...], entry: Entry, with_need: bool) -> _Scored | None:
    if not asked:
        return _NOTHING
    rarities = [concept_rarity(concept, lexicon) for concept in asked]
    weights = [max(min(entry.weights.get(word, 0.0) for word in phrase) for phrase in concept.phrases) for concept in asked]
    total = sum(rarities)
    share = sum(rarity for rarity, weight in zip(rarities, weights, strict=True) if weight) / total
    if share < TEXT_ENOUGH:
        # With a need the words only help to order; without one they are all there is to go by.
        return _NOTHING if with_need else None
    strength = sum(rarity * weight for rarity, weight in zip(rarities, weights, strict=True)) / (total * NAME_WEIGHT)
    return _scored(TEXT_WEIGHT * strength, "text")


def _age_fits(age: int | None, service: Service) -> bool:
    if age is None:
        return True
    above = service.minimum_age_months is None or service.minimum_age_months <= age
    return above and (service.maximum_age_months is None or age <= service.maximum_age_months)


def _age(asked: Asked, service: Service) -> _Scored:
    stated = service.minimum_age_months is not None or service.maximum_age_months is not None
    return _scored(0.0, "age") if stated and asked.query.age_months is not None else _NOTHING


def _language(asked: Asked, service: Service) -> _Scored:
    wanted = (asked.query.language or "").lower().replace("_", "-")
    base = wanted.split("-")[0]
    # Every service works in English, so for an English speaker it is no distinction.
    if not base or base == "en":
        return _NOTHING
    if any(code == wanted or code.split("-")[0] == base for code in service.languages):
        return _scored(LANGUAGE_WEIGHT, "language", {"code": base})
    return _scored(INTERPRETER_WEIGHT, "interpreter", {"code": base}) if service.interpreter else _NOTHING


def _soon(asked: Asked, session: Session | None) -> _Scored:
    if session is None or session.date > asked.at + SOON:
        return _NOTHING
    return _scored(SOON_WEIGHT, "soon", {"date": session.date})


def _term_time(asked: Asked, service: Service) -> _Scored:
    unknown = term_unknown(service.timetables, asked.at, asked.at + AHEAD)
    return _scored(0.0, "term_time") if unknown else _NOTHING


def is_free(costs: Iterable[Cost], at: date) -> bool:
    """Tell whether the record gives a price for the day and every one of them is 0."""
    amounts = [cost.amount for cost in _costs_now(costs, at)]
    return bool(amounts) and all(amount == 0 for amount in amounts)


def _time_fits(asked: Asked, service: Service, venue_id: str | None) -> bool:
    """Tell whether a session is as wished, at a venue or (``None``) at any."""
    query = asked.query
    if not query.asks_for_time:
        return True
    here = [rule for rule in service.timetables if venue_id is None or rule.venue_id in (None, venue_id)]
    if query.open_now:
        assert asked.after is not None
        if open_at(here, datetime.combine(asked.at, asked.after)) is None:
            return False
        if not (query.this_week or query.days or query.part):
            return True
    end = asked.at + (WEEK if query.this_week else AHEAD)
    return fits(here, asked.at, end, after=asked.after, days=query.days, part=query.part)


def access_fits(access: Iterable[str], wanted: Iterable[str]) -> bool:
    """Tell whether what a venue says of its accessibility has the words of each thing that is wanted, in one entry each."""
    entries = [{stem(word) for word in words(entry)} for entry in access]
    return all(any({stem(word) for word in words(want)} <= entry for entry in entries) for want in wanted)


def _is_stale(checked: date | None, at: date) -> bool:
    return checked is None or (at - checked).days > FRESH_DAYS


def _freshness(asked: Asked, service: Service) -> _Scored:
    """Take off more the longer nobody has checked, up to two years; never checked counts as the longest."""
    if not _is_stale(service.checked, asked.at):
        return _NOTHING
    days = OLD_DAYS if service.checked is None else min(OLD_DAYS, (asked.at - service.checked).days)
    share = (days - FRESH_DAYS) / (OLD_DAYS - FRESH_DAYS)
    arguments: dict[str, ReasonValue] = {} if service.checked is None else {"date": service.checked}
    return _scored(-(STALE_AT_ONCE + share * (STALE_AT_MOST - STALE_AT_ONCE)), "not_checked_since", arguments)


def _costs_now(costs: Iterable[Cost], at: date) -> tuple[Cost, ...]:
    return tuple(
        cost
        for cost in costs
        if (cost.valid_from is None or cost.valid_from <= at) and (cost.valid_to is None or at <= cost.valid_to)
    )


# ---- Place ------------------------------------------------------------------------------------------------------------


def _reach(asked: Asked, entry: Entry) -> _Reach | None:
    """Return how the service can be used from where the parent is, or ``None`` if it cannot."""
    service, mode = entry.service, asked.query.mode
    if mode is not None and mode not in service.modes:
        return None
    if asked.query.asks_for_time or asked.query.access:
        entry = replace(entry, service=_with_fitting_venues(asked, service))
        service = entry.service
    modes: set[str] = {mode} if mode else set(service.modes)
    covered = _covered(entry, asked.place)
    # Of a service with venues that none fits, or of unknown access, nobody can say where to go.
    somewhere = bool(service.venues) or (not asked.query.access and _time_fits(asked, service, None))
    going = _going(asked, service, covered) if "go" in modes and somewhere else None
    staying = _staying(asked, service, modes & NO_TRAVEL, covered) if _time_fits(asked, service, None) else None
    if going is None or staying is None:
        return going or staying
    # One way to say where is enough.
    reasons = (*going.reasons, *(why for why in staying.reasons if why.code != "serves" or not going.reasons))
    return replace(going, score=max(going.score, staying.score), reasons=reasons, no_travel=True)


def _with_fitting_venues(asked: Asked, service: Service) -> Service:
    venues = tuple(
        venue
        for venue in service.venues
        if access_fits(venue.access, asked.query.access) and _time_fits(asked, service, venue.id)
    )
    return replace(service, venues=venues, modes=service.modes if venues or not service.venues else _without_going(service))


def _without_going(service: Service) -> tuple[str, ...]:
    return tuple(mode for mode in service.modes if mode != "go")


def _covered(entry: Entry, place: Place | None) -> float | None:
    """Return how surely the service's declared areas take in the place: 1 yes, 0.5 in part, 0 no; ``None`` unknown."""
    if place is None or not entry.areas:
        return None
    if entry.areas & place.within:
        return 1.0
    return 0.5 if entry.areas & place.parts else 0.0


def _going(asked: Asked, service: Service, covered: float | None) -> _Reach | None:
    if asked.place is None:
        # Without a place nobody can be sent anywhere; but who asks only for places to go may see them all.
        venue = service.venues[0] if service.venues else None
        return _Reach(0.0, venue, None, (), False) if asked.query.mode == "go" else None
    if covered == 0.0 and service.level_of_need != "universal":
        return None
    nearest = _nearest(asked.place, service.venues)
    if nearest is not None and nearest[0] <= TRAVEL_MILES:
        return _near(asked.place, *nearest)
    neighbour = next((venue for venue in service.venues if _in_place(venue, asked.place)), None)
    if neighbour is not None:
        return _Reach(IN_PLACE, neighbour, None, (reason("in", {"place": asked.place.name}),), False)
    return _going_far(asked.place, nearest, covered) if covered else None


def _going_far(place: Place, nearest: tuple[float, Venue] | None, covered: float) -> _Reach | None:
    """Return a service that says it serves the place although it is not near, or nobody knows how near it is."""
    serves = reason("serves", {"place": place.name})
    if nearest is None or place.precision == "area":
        return _Reach(covered * SERVES, nearest[1] if nearest else None, None, (serves,), False)
    if nearest[0] > 2 * TRAVEL_MILES:
        return None
    reach = _near(place, *nearest)
    return replace(reach, reasons=(*reach.reasons, serves))


def _near(place: Place, miles: float, venue: Venue) -> _Reach:
    score = DISTANCE_WEIGHT * math.exp(-miles / DISTANCE_SCALE_MILES)
    if place.precision != "area":
        return _Reach(score, venue, round(miles, 1), (reason("near", {"miles": max(1, round(miles))}),), False)
    inside = (reason("in", {"place": place.name}),) if _in_place(venue, place) else ()
    return _Reach(score, venue, None, inside, False)


def _nearest(place: Place, venues: Iterable[Venue]) -> tuple[float, Venue] | None:
    if place.point is None:
        return None
    distances = [
        (miles_between(place.point, (venue.latitude, venue.longitude)), venue)
        for venue in venues
        if venue.latitude is not None and venue.longitude is not None
    ]
    return min(distances, key=lambda pair: (pair[0], pair[1].id), default=None)


def _in_place(venue: Venue, place: Place) -> bool:
    """Tell from the address alone whether a venue is in the outcode, town or district that was asked for."""
    if place.kind in ("postcode", "outcode"):
        postcode = read_postcode(venue.postcode)
        return postcode is not None and postcode.outcode == place.name
    names = {key(name) for name in (venue.name, venue.town, venue.district) if name}
    return key(place.name) in names


def _staying(asked: Asked, service: Service, modes: set[str], covered: float | None) -> _Reach | None:
    """Score phone, online and home visits: they need no distance, but must serve the place if they say whom they serve."""
    if not modes or covered == 0.0:
        return None
    if modes == {"home"} and covered is None and not _visits_near(asked, service):
        return None
    reasons = [reason("serves", {"place": asked.place.name})] if asked.place and covered else []
    reasons.append(reason("no_travel"))
    score = SERVES if covered == 1.0 else MAY_SERVE
    return _Reach(score, None, None, tuple(reasons), True)


def _visits_near(asked: Asked, service: Service) -> bool:
    """Home visits by a service that names no area: only around its own address, or where no place was asked for."""
    if asked.place is None:
        return True
    nearest = _nearest(asked.place, service.venues)
    return nearest is not None and nearest[0] <= TRAVEL_MILES
