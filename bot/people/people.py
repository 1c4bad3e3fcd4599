"""Finding, describing and forgetting people."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, delete, select, update
from sqlalchemy.orm import Session

from bot.messages import Address
from bot.people.tombstones import quiet_until
from bot.storage.crypto import Keyring
from bot.storage.tables import (
    ButtonToken,
    Case,
    Child,
    ConcernReview,
    Consent,
    Dialogue,
    Feedback,
    Inbox,
    Outbox,
    Person,
    PersonAddress,
    RawEvent,
    SeriesStep,
    SeriesSubscription,
    now,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kid:
    """A child: `month` of birth or due month; `due` while nobody has said that the baby is here; `apart` where they do not live
    together now."""

    id: int
    month: str
    due: bool
    apart: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A series that somebody gets, or will again: `state` is active, paused or held."""

    id: int
    series: str
    child_id: int | None
    state: str
    pace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A step that waits, by its id, and its message."""

    id: int
    subscription_id: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """What a turn may know of a person. `children` are months of birth or due months, "2026-03", youngest last."""

    id: int
    pseudonym: str
    area_id: str | None
    language: str
    language_chosen: bool
    nation: str | None
    district: str | None
    role: str | None
    campaign: str | None
    stopped: bool
    bereaved: bool
    children: tuple[str, ...] = ()
    kids: tuple[Kid, ...] = ()
    """All children they told of, also those who do not live with them now."""
    subscriptions: tuple[Subscription, ...] = ()
    """The series that they get, also paused or held ones."""
    waiting: Waiting | None = None
    """The newest message of a series that waits for them to write."""

    @property
    def audience(self) -> str | None:
        """The audience of `content/` that this person belongs to, where they said so."""
        return {
            "dad": "dad-or-partner",
            "partner": "dad-or-partner",
            "grandparent": "grandparent-or-carer",
            "carer": "grandparent-or-carer",
        }.get(self.role or "")

    def age_months(self, today: datetime | None = None) -> int | None:
        """Age in whole months of the only child, negative before the due month; None for no or several children."""
        if len(self.children) != 1 or self.bereaved:
            return None
        return months_since(self.children[0], today or datetime.now(UTC))


def months_since(month: str, today: datetime) -> int:
    """Whole months from "YYYY-MM" to `today`."""
    year, number = (int(part) for part in month.split("-"))
    return (today.year - year) * 12 + today.month - number


# Built once: it runs for every message, and putting a statement together takes longer than running it.
_KNOWN = (
    select(PersonAddress, Person)
    .join(Person, Person.id == PersonAddress.person_id)
    .where(PersonAddress.lookup.in_(bindparam("lookups", expanding=True)))
)


def find_or_create(
    session: Session,
    keyring: Keyring,
    addresses: Sequence[Address],
    *,
    area_id: str | None,
    language: str | Callable[[], str],
    language_chosen: bool,
    campaign: str | None,
) -> tuple[Person, PersonAddress]:
    """The person behind `addresses` and the first address's row, made if new. `language`, or what gives it, is asked for who is new.

    A further address of a known person is added to them; one that already belongs to somebody else stays where it is. Who was
    forgotten is a new person when they write again, to whom nothing unasked goes until they ask for it; whoever writes from a number
    that has passed to them is new too.
    """
    lookups = [keyring.lookup(a.channel, a.kind, a.value) for a in addresses]
    known = session.execute(_KNOWN, {"lookups": lookups}).all()
    rows = {row.lookup: row for row, _ in known}
    people = {row.lookup: owner for row, owner in known}
    for passed_on in _passed_on(session, addresses, lookups, rows):
        retire(keyring, rows.pop(passed_on))
        session.flush()
    owners = (people[lookup] for lookup in lookups if lookup in rows)
    person = next((owner for owner in owners if owner.forgotten_at is None), None)
    if person is None:
        person = Person(
            area_id=area_id,
            pseudonym=_pseudonym(),
            language=language if isinstance(language, str) else language(),
            language_chosen=language_chosen,
            campaign=campaign,
            quiet_until=quiet_until(session, keyring, addresses),
        )
        session.add(person)
        session.flush()
    for address, lookup in zip(addresses, lookups, strict=True):
        row = rows.get(lookup)
        if row is not None and people[lookup].forgotten_at is not None:
            # The forgotten person's case may still need this row; a new person must not find them by it.
            retire(keyring, row)
            session.flush()
            row = None
        if row is None:
            row = PersonAddress(
                person_id=person.id, channel=address.channel, kind=address.kind, lookup=lookup, sealed=keyring.seal(address.value)
            )
            session.add(row)
            rows[lookup], people[lookup] = row, person
        row.last_seen_at = now()
        row.unreachable_at = None
    person.last_seen_at = now()
    if len(known) < len(lookups) or session.new:  # what is new gets its number; what has changed may wait for the next flush
        session.flush()
    return person, rows[lookups[0]]


LASTING_KINDS = frozenset({"whatsapp_bsuid"})
"""Kinds of address that one account has one of, for as long as it lives; a telephone number may pass to somebody else."""


def _passed_on(
    session: Session, addresses: Sequence[Address], lookups: Sequence[str], rows: Mapping[str, PersonAddress]
) -> list[str]:
    """Look-ups of numbers that have passed from the person we know by them to somebody else: whoever writes now names themselves by
    a lasting identifier that is new to us, and the person we know has another one of that kind."""
    first, *others = zip(addresses, lookups, strict=True)
    if first[0].kind not in LASTING_KINDS or first[1] in rows:
        return []
    found = []
    for address, lookup in others:
        row = rows.get(lookup)
        if row is not None and address.kind not in LASTING_KINDS:
            theirs = select(PersonAddress.id).where(
                PersonAddress.person_id == row.person_id,
                PersonAddress.channel == first[0].channel,
                PersonAddress.kind == first[0].kind,
                PersonAddress.retired_at.is_(None),
            )
            if session.scalar(theirs.limit(1)) is not None:
                found.append(lookup)
    return found


def retire(keyring: Keyring, row: PersonAddress) -> None:
    """This address is its person's no more: nobody is found by it and nothing is sent to it. A case may still need the row."""
    row.lookup = keyring.lookup("retired", secrets.token_hex(16))
    row.retired_at = row.unreachable_at = now()


def change_address(session: Session, keyring: Keyring, old: Sequence[Address], new: Sequence[Address]) -> bool:
    """The provider says that whoever had `old` has `new` now; says whether we knew them. Repeating it changes nothing.

    A new address takes the place of the old one of its kind, in the same row, so that cases and waiting messages follow. One that
    we knew as somebody else's has left them, unless that is the same person.
    """
    rows = [row for address in old if (row := _row_of(session, keyring, address)) is not None]
    if not rows:
        return False
    person_id = rows[0].person_id
    for address in new:
        theirs = next((row for row in rows if row.kind == address.kind and row.person_id == person_id), None)
        known = _row_of(session, keyring, address)
        if known is not None and known.person_id == person_id:
            if theirs is not None and theirs is not known:
                _follow(session, theirs, known)
                retire(keyring, theirs)
            continue
        if known is not None:
            retire(keyring, known)
            session.flush()
        if theirs is None:
            theirs = PersonAddress(person_id=person_id, channel=address.channel, kind=address.kind, lookup="", sealed=b"")
            theirs.window_until = rows[0].window_until
            session.add(theirs)
        theirs.lookup = keyring.lookup(address.channel, address.kind, address.value)
        theirs.sealed = keyring.seal(address.value)
        theirs.unreachable_at = None
        session.flush()
    changed = {address.kind for address in new}
    for row in rows:  # a business-scoped id belongs to one number: whoever changed the one has another of the other
        if row.kind not in changed and row.person_id == person_id:
            retire(keyring, row)
            replacement = _row_of(session, keyring, new[0])
            if replacement is not None:
                _follow(session, row, replacement)
    session.flush()
    return True


def _row_of(session: Session, keyring: Keyring, address: Address) -> PersonAddress | None:
    lookup = keyring.lookup(address.channel, address.kind, address.value)
    return session.scalar(select(PersonAddress).where(PersonAddress.lookup == lookup))


def _follow(session: Session, old: PersonAddress, new: PersonAddress) -> None:
    """What is open and goes to `old` goes to `new`."""
    session.execute(update(Case).where(Case.address_id == old.id, Case.state != "closed").values(address_id=new.id))
    waiting = (Outbox.address_id == old.id, (Outbox.open == 1) | (Outbox.state == "held"))
    session.execute(update(Outbox).where(*waiting).values(address_id=new.id))


_CHILDREN = select(Child).where(Child.person_id == bindparam("person")).order_by(Child.born_or_due, Child.id)
_SUBSCRIPTIONS = (
    select(SeriesSubscription)
    .where(SeriesSubscription.person_id == bindparam("person"), SeriesSubscription.state != "ended")
    .order_by(SeriesSubscription.id)
)
_WAITING = (
    select(SeriesStep)
    .where(SeriesStep.person_id == bindparam("person"), SeriesStep.state == "waiting", SeriesStep.message != "")
    .order_by(SeriesStep.id.desc())
    .limit(1)
)


def not_here_yet(child: Child) -> bool:
    """Whether the month was told as one to come, or as this very month, and nobody has said since that the baby is here."""
    return to_come(child.born_or_due, child.created_at, child.arrived_at)


def to_come(month: str, told_at: datetime, arrived_at: datetime | None) -> bool:
    """`not_here_yet` of a child of that month, told of at `told_at`."""
    return arrived_at is None and f"{told_at:%Y-%m}" <= month


def view(session: Session, person: Person) -> PersonView:
    """What a turn may know of `person`."""
    children = session.scalars(_CHILDREN, {"person": person.id}).all()
    subscriptions = session.scalars(_SUBSCRIPTIONS, {"person": person.id}).all()
    waiting = session.scalar(_WAITING, {"person": person.id}) if subscriptions else None
    return PersonView(
        id=person.id,
        pseudonym=person.pseudonym,
        area_id=person.area_id,
        language=person.language,
        language_chosen=person.language_chosen,
        nation=person.nation,
        district=person.district,
        role=person.role,
        campaign=person.campaign,
        stopped=person.stopped_at is not None,
        bereaved=person.bereaved_at is not None,
        children=tuple(child.born_or_due for child in children if child.apart_at is None),
        kids=tuple(
            Kid(id=child.id, month=child.born_or_due, due=not_here_yet(child), apart=child.apart_at is not None)
            for child in children
        ),
        subscriptions=tuple(
            Subscription(id=row.id, series=row.series, child_id=row.child_id, state=row.state, pace=row.pace)
            for row in subscriptions
        ),
        waiting=Waiting(id=waiting.id, subscription_id=waiting.subscription_id, message=waiting.message) if waiting else None,
    )


def forget(session: Session, person_id: int, *, except_inbox: int) -> None:
    """Wipe what is kept of a person, at once; the sweep removes the rest when their confirmation has gone out.

    Messages that belong to a case stay with it until staff have seen to the request (the law may require them to be kept);
    what the parent is told is the same either way.
    """
    person = session.get_one(Person, person_id)
    # A subscription goes with the child it is about, its steps with it.
    for table in (SeriesStep, SeriesSubscription, Child, ConcernReview, Consent, Dialogue, Feedback, ButtonToken):
        session.execute(delete(table).where(table.person_id == person_id))
    in_case = select(Case.id).where(Case.person_id == person_id)
    session.execute(
        delete(Outbox).where(
            Outbox.person_id == person_id, Outbox.case_id.is_(None) | Outbox.case_id.not_in(in_case), Outbox.open == 0
        )
    )
    wipe_events(session, Inbox.person_id == person_id, Inbox.open == 0)
    session.execute(
        delete(Inbox).where(
            Inbox.person_id == person_id,
            Inbox.open == 0,
            Inbox.id != except_inbox,
            Inbox.case_id.is_(None) | Inbox.case_id.not_in(in_case),
        )
    )
    person.nation = person.district = person.role = person.campaign = None
    person.bereaved_at = None
    person.forgotten_at = now()


def remove_forgotten(session: Session, *, pulled: Collection[str] = (), unfetched: timedelta = timedelta(0)) -> int:
    """Delete forgotten people who have no case and nothing left to send; returns how many.

    Whoever fetches their messages, on one of the `pulled` channels, has `unfetched` to do so: the last one tells the number of their
    receipt.
    """
    fetching = select(Outbox.person_id).where(Outbox.channel.in_(pulled))
    may_fetch = (Person.forgotten_at > now() - unfetched) & Person.id.in_(fetching)
    busy = select(Outbox.person_id).where(Outbox.open == 1)
    waiting = select(Inbox.person_id).where(Inbox.open == 1)
    held = select(Case.person_id)
    gone = session.scalars(
        select(Person.id).where(
            Person.forgotten_at.is_not(None),
            Person.id.not_in(busy),
            Person.id.not_in(waiting),
            Person.id.not_in(held),
            ~may_fetch,
        )
    ).all()
    if gone:
        wipe_events(session, Inbox.person_id.in_(gone))
        session.execute(delete(Person).where(Person.id.in_(gone)))
    return len(gone)


def wipe_events(session: Session, *messages: ColumnElement[bool]) -> None:
    """Wipe what the provider sent of the messages under these conditions on `Inbox`; the events' numbers stay, to know repeats by."""
    events = select(Inbox.raw_event_id).where(*messages)
    session.execute(update(RawEvent).where(RawEvent.id.in_(events), RawEvent.sealed.is_not(None)).values(sealed=None))


def _pseudonym() -> str:
    """A name for staff that says nothing of the person: "P-" and six letters or digits without look-alikes."""
    return "P-" + "".join(secrets.choice("23456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(6))
