"""What can be asked of the directory, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Literal, NamedTuple

from services_directory.places import Place
from services_directory.records import Cost, Phone, Service, Session, Venue

Mode = Literal["go", "phone", "online", "home"]
Part = Literal["morning", "afternoon", "evening"]
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
ReasonValue = str | int | date


class Reason(NamedTuple):
    """Why a service is among the results: ``(code, arguments)``, for the caller to put into a parent's words.

    ========================  =====================================================================================
    ``need``                  ``term``: the service's tag, which is the need, a part of it, or what it is part of
    ``text``                  nothing; the words are in the record
    ``age``                   nothing; the service says for what ages it is, and this child's is one of them
    ``near``                  ``miles``: whole, at least 1, straight-line
    ``in``                    ``place``: in the same outcode, town or district; no distance can be told
    ``serves``                ``place``: its area takes in the place that was asked for
    ``no_travel``             nothing: by phone, online or at home
    ``language``              ``code``: works in that language
    ``interpreter``           ``code``: can get an interpreter
    ``soon``                  ``date`` of the next session, within a week
    ``term_time``             nothing: in term time only, and nobody knows the term dates; to be checked before going
    ``not_checked_since``     ``date`` of the last check, left out if never: nobody has checked it for over 90 days
    ========================  =====================================================================================
    """

    code: str
    arguments: Mapping[str, ReasonValue]


def reason(code: str, arguments: Mapping[str, ReasonValue] | None = None) -> Reason:
    """Return a reason whose arguments cannot be changed."""
    return Reason(code, MappingProxyType(dict(arguments or {})))


@dataclass(frozen=True, kw_only=True)
class Query:
    """A search. Everything is optional.

    ``need``: a term of the vocabulary. ``text``: words to look for. ``place``: a postcode, the first half of one, a
    town, district, hub or nation, as written by a parent, or a ``Place`` found before. ``age_months``: the child's age,
    negative before birth. ``language``: BCP 47; preferred, never required. ``at``: the day to search for (default: now).
    ``topic``: a topic of ``data/topics.yml``, answered by its terms with their weights; ``need`` goes before it.

    Gates on time, all of which one session must pass, at the venue that is named: ``open_now``; ``this_week``: from
    now on, within seven days; ``days``: days of the week (``"MO"``) and ``part`` of the day that the session reaches into,
    within four weeks. A service whose term dates nobody knows passes all but ``open_now``, with the reason ``term_time``.
    ``free``: every price of the day is 0, and there is one. ``access``: what the venue's accessibility must speak of.
    """

    need: str | None = None
    topic: str | None = None
    text: str | None = None
    place: str | Place | None = None
    age_months: int | None = None
    mode: Mode | None = None
    language: str | None = None
    limit: int = 5
    offset: int = 0
    at: date | None = None
    open_now: bool = False
    this_week: bool = False
    days: frozenset[str] = frozenset()
    part: Part | None = None
    free: bool = False
    access: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be searched for."""
        if self.limit < 1 or self.offset < 0:
            raise ValueError("limit must be at least 1 and offset at least 0")
        if self.open_now and self.at is not None:
            raise ValueError("open_now asks about this moment, and at about another day")
        if not self.days <= set(WEEKDAYS):
            raise ValueError(f"days are {', '.join(WEEKDAYS)}")

    @property
    def asks_for_time(self) -> bool:
        """Whether a result must have a session that fits."""
        return self.open_now or self.this_week or bool(self.days) or self.part is not None


@dataclass(frozen=True)
class Match:
    """One result. ``distance_miles`` is straight-line and only set where the place is known well enough to say.

    ``venue`` is the nearest of the service's venues, or ``None`` for a service without one. ``stale``: not checked
    for over 90 days, or never. ``past_limit``: not checked for longer than its area
    allows, and shown because nothing else fits. ``how_to_join`` is the record's own text; ``service.route`` says who may refer.
    """

    service: Service
    why: tuple[Reason, ...]
    distance_miles: float | None
    venue: Venue | None
    next_session: Session | None
    phones: tuple[Phone, ...]
    costs: tuple[Cost, ...]
    how_to_join: str | None
    checked: date | None
    stale: bool
    score: float
    past_limit: bool = False
