"""Keeping the directory true: what is due, who is asked, links, reports, quick changes, limits of age, translations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from services_directory import Directory, Query, models, writing
from services_directory.editing.desk import Person, Refusal
from services_directory.freshness import acts, limits, links, reminders, reports, todo, translations
from services_directory.freshness.acts import Wish
from services_directory.freshness.due import Checked, days_over, due, due_on
from services_directory.freshness.links import Signer
from services_directory.freshness.policy import POLICY_FILE, Policy, PolicyWrong, load_policy, mistakes
from services_directory.freshness.reminders import Past, letter_of, usable
from services_directory.freshness.tables import AgeLimit, CheckLink, ParentReport, ProviderNote, QuickAct, Reminder, ReviewCycle
from services_directory.records import Service
from tests.services_directory.conftest import NOON, TODAY

ADA = Person(id=1, name="Ada", area_id=None)
POLICY = Policy(review_days=90, ahead_days=30, follow_up_days=14, link_days=42, mails_a_day=50)
MOMENT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SIGNER = Signer(["a key of this test"])
ADDRESS = "hello@provider.example"


def record(name: str = "A", assured: date | None = None, days: int = 90, **values: str) -> Checked:
    fields = {"organisation_id": "o", "organisation": "O (example)"} | values
    return Checked(service_id=name, area_id=None, name=name, assured=assured, cycle_days=days, **fields)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.fixture
def service_id(demonstration: Directory, engine: Engine) -> str:
    """One service of the demonstration, whose organisation alone has an address."""
    with writing(engine) as session:
        for organisation in session.scalars(select(models.Organisation)):
            organisation.email = None
        service = session.scalars(select(models.Service).where(models.Service.source_id == "rhyme-time")).one()
        service.organisation.email = ADDRESS
        for other in service.organisation.services:
            other.assured_date = TODAY
        service.assured_date = ago(100)
        return service.id


def of(engine: Engine, service_id: str) -> models.Service:
    with Session(engine) as session:
        return session.get_one(models.Service, service_id)


# ---- Due --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "is_due"), [(89, False), (90, True), (91, True)])
def test_a_record_is_due_on_the_day_its_cycle_ends(days: int, is_due: bool) -> None:
    one = record(assured=ago(days))
    assert bool(due([one], TODAY)) is is_due
    assert due_on(one) == ago(days - 90)


def test_what_was_never_checked_comes_first_then_the_longest_overdue() -> None:
    given = [record("fresh", ago(3)), record("old", ago(400)), record("never"), record("older", ago(401))]
    assert [one.name for one in due(given, TODAY)] == ["never", "older", "old"]
    assert [days_over(one, TODAY) for one in due(given, TODAY)] == [None, 311, 310]


def test_an_organisations_own_cycle_decides() -> None:
    assert due([record(assured=ago(40), days=30)], TODAY) and not due([record(assured=ago(40), days=365)], TODAY)


def test_a_check_dated_in_the_future_is_no_check() -> None:
    assert due([record(assured=TODAY + timedelta(days=3))], TODAY)


# ---- Policy -----------------------------------------------------------------------------------------------------------


def test_the_shipped_numbers_are_right() -> None:
    assert mistakes() == []
    assert load_policy(POLICY_FILE).review_days == 90


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("review_days: 90", "review_days: ninety"), "review_days must be a whole number from 1 to 3650, and is 'ninety'"),
        (("review_days: 90", "review_days: 0"), "review_days must be a whole number from 1"),
        (("review_days: 90", ""), "review_days is missing"),
        (("link_days: 42", "link_days: 10"), "link_days must be more than follow_up_days"),
        (("review_days: 90", "review_days: 14"), "follow_up_days must be less than review_days"),
        (("mails_a_day: 50", "mails_a_day: 50\nmail: 3"), "mail is not known here"),
        (("review_days: 90", "- a list"), "cannot be read"),
    ],
)
def test_a_mistake_in_the_numbers_is_said_in_plain_words(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    path = tmp_path / "freshness.yml"
    path.write_text(POLICY_FILE.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    assert any(said in sentence and "freshness.yml" in sentence for sentence in mistakes(path))
    with pytest.raises(PolicyWrong, match=r"freshness\.yml"):
        load_policy(path)


# ---- Whom to ask ------------------------------------------------------------------------------------------------------


def past(days: int, *numbers: int, services: tuple[str, ...] = ("A",)) -> Past:
    return Past(begun_on=ago(days), numbers=frozenset(numbers), service_ids=frozenset(services))


def test_the_first_letter_asks_along_about_what_falls_due_soon() -> None:
    given = [record("A", ago(90)), record("B", ago(61)), record("C", ago(10))]
    letter = letter_of(given, ADDRESS, None, TODAY, POLICY)
    assert letter is not None and (letter.number, letter.service_ids, letter.begun_on) == (1, ("A", "B"), TODAY)


def test_nothing_is_sent_while_nothing_is_due_or_without_an_address() -> None:
    assert letter_of([record("B", ago(61))], ADDRESS, None, TODAY, POLICY) is None
    assert letter_of([record("A", None)], None, None, TODAY, POLICY) is None
    assert letter_of([record("A", None)], "not an address", None, TODAY, POLICY) is None


@pytest.mark.parametrize(
    ("before", "number"),
    [
        (past(13, 1), None),
        (past(14, 1), 2),
        (past(14, 1, 2), None),
        (past(89, 1, 2), None),
        (past(90, 1, 2), 1),
        (past(14, 1, services=("Z",)), None),
    ],
)
def test_a_cycle_has_one_letter_and_one_follow_up_about_what_was_not_answered(before: Past, number: int | None) -> None:
    letter = letter_of([record("A", ago(200)), record("B", None)], ADDRESS, before, TODAY, POLICY)
    assert (letter.number if letter else None) == number
    if number == 2:
        assert letter is not None and letter.service_ids == ("A",) and letter.begun_on == before.begun_on


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example\nBcc: x@y.example",
        "a@b",
        "a b@c.example",
        "<a@b.example>",
        "a@b.example, c@d.example",
        "ä@b.example",
        "@b.example",
    ],
)
def test_what_could_write_headers_or_reach_somebody_else_is_no_address(address: str) -> None:
    assert usable(address) is None
    assert usable(" hello@provider.example ") == ADDRESS


def begin(engine: Engine, today: date = TODAY, policy: Policy = POLICY) -> list[reminders.Begun]:
    with writing(engine) as session:
        begun = [
            reminders.begin(session, letter, MOMENT + (today - TODAY), policy)
            for letter in reminders.letters(session, today, policy)
        ]
    return [one for one in begun if one is not None]


def test_a_letter_is_recorded_before_it_goes_and_not_begun_twice(engine: Engine, service_id: str) -> None:
    with Session(engine) as session:
        (letter,) = reminders.letters(session, TODAY, POLICY)
    (begun,) = begin(engine)
    assert begun.letter == letter and letter.address == ADDRESS and list(begun.link_ids) == [service_id]
    assert begin(engine) == []
    with writing(engine) as session:
        assert reminders.begin(session, letter, MOMENT, POLICY) is None
    assert [one.letter.number for one in begin(engine, TODAY + timedelta(days=14))] == [2]
    assert begin(engine, TODAY + timedelta(days=15)) == begin(engine, TODAY + timedelta(days=89)) == []
    assert [one.letter.number for one in begin(engine, TODAY + timedelta(days=90))] == [1]


def test_no_more_letters_are_begun_than_the_day_allows(engine: Engine, demonstration: Directory) -> None:
    with writing(engine) as session:
        for number, organisation in enumerate(session.scalars(select(models.Organisation).order_by(models.Organisation.id))):
            organisation.email = f"o{number}@provider.example"
        for service in session.scalars(select(models.Service)):
            service.assured_date = None
    few = Policy(review_days=90, ahead_days=30, follow_up_days=14, link_days=42, mails_a_day=2)
    assert len(begin(engine, policy=few)) == 2
    assert len(begin(engine, policy=few)) == 0
    assert len(begin(engine, TODAY + timedelta(days=1), few)) == 2
    none = Policy(review_days=90, ahead_days=30, follow_up_days=14, link_days=42, mails_a_day=0)
    assert begin(engine, TODAY + timedelta(days=2), none) == []


def test_a_letter_that_a_server_did_not_take_is_tried_again_but_not_for_ever(engine: Engine, service_id: str) -> None:
    (begun,) = begin(engine)
    moment = MOMENT
    for left in (2, 1, 0):
        with writing(engine) as session:
            reminders.record(session, begun.reminder_id, "retry", "the mail server said 451", moment)
        moment += reminders.PAUSE
        with writing(engine) as session:
            assert reminders.again(session, moment - timedelta(seconds=1)) is None
            found = reminders.again(session, moment)
        assert (found is not None) is (left > 0)
        if found is not None:
            assert found.link_ids == begun.link_ids and found.letter.address == ADDRESS
    with Session(engine) as session:
        assert session.get_one(Reminder, begun.reminder_id).state == "failed"


def test_an_organisations_cycle_is_used_for_letters(engine: Engine, service_id: str) -> None:
    organisation_id = of(engine, service_id).organisation_id
    with writing(engine) as session:
        session.add(ReviewCycle(organisation_id=organisation_id, days=365, set_by="Ada"))
    assert begin(engine) == []


# ---- Links ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def token(engine: Engine, service_id: str) -> str:
    (begun,) = begin(engine)
    return SIGNER.token(begun.link_ids[service_id])


def test_looking_at_a_link_any_number_of_times_changes_nothing(engine: Engine, service_id: str, token: str) -> None:
    for _ in range(5):
        with Session(engine) as session:
            assert links.open_link(session, SIGNER, token, MOMENT).state == "open"
    assert of(engine, service_id).assured_date == ago(100)


def test_still_right_dates_the_check_names_who_checked_and_is_recorded(engine: Engine, service_id: str, token: str) -> None:
    with writing(engine) as session:
        assert links.say_right(session, SIGNER, token, MOMENT, TODAY).state == "open"
    service = of(engine, service_id)
    assert (service.assured_date, service.assurer_email) == (TODAY, ADDRESS)
    with Session(engine) as session:
        (row,) = acts.acts_of(session, service_id)
        assert (row.kind, row.author, row.author_id) == ("checked", ADDRESS, None)
        assert row.before["assured_date"] == ago(100).isoformat()
        assert session.scalars(select(CheckLink)).one().outcome == "right"


def test_a_link_is_good_once(engine: Engine, service_id: str, token: str) -> None:
    with writing(engine) as session:
        links.say_right(session, SIGNER, token, MOMENT, TODAY)
    later = TODAY + timedelta(days=20)
    with writing(engine) as session:
        assert links.say_right(session, SIGNER, token, MOMENT, later).state == "used"
        assert links.say_wrong(session, SIGNER, token, MOMENT, "it moved").state == "used"
        assert links.open_link(session, SIGNER, token, MOMENT).state == "used"
    assert of(engine, service_id).assured_date == TODAY
    with Session(engine) as session:
        assert session.scalars(select(ProviderNote)).all() == []


def test_a_link_ends(engine: Engine, service_id: str, token: str) -> None:
    late = MOMENT + timedelta(days=42)
    with writing(engine) as session:
        assert links.open_link(session, SIGNER, token, late - timedelta(seconds=1)).state == "open"
        assert links.say_right(session, SIGNER, token, late, TODAY).state == "ended"
    assert of(engine, service_id).assured_date == ago(100)


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1] + ("A" if t[-1] != "A" else "B"), lambda t: "x" + t, lambda t: t.partition(".")[0]]
)
def test_a_link_that_we_did_not_sign_leads_nowhere(engine: Engine, token: str, change: Callable[[str], str]) -> None:
    with Session(engine) as session:
        assert links.open_link(session, SIGNER, change(token), MOMENT).state == "gone"
        assert links.open_link(session, Signer(["another key"]), token, MOMENT).state == "gone"
        assert links.open_link(session, SIGNER, "\udc80.\udc80", MOMENT).state == "gone"


def test_a_link_still_opens_after_a_new_key_was_put_before_the_old(engine: Engine, token: str) -> None:
    with Session(engine) as session:
        assert links.open_link(session, Signer(["a new key", "a key of this test"]), token, MOMENT).state == "open"


def test_what_a_provider_says_is_wrong_waits_for_staff_and_changes_nothing(engine: Engine, service_id: str, token: str) -> None:
    with writing(engine) as session, pytest.raises(ValueError, match="words"):
        links.say_wrong(session, SIGNER, token, MOMENT, " \0 ")
    with writing(engine) as session:
        assert links.say_wrong(session, SIGNER, token, MOMENT, "We moved to <b>Hall 2</b>" + "x" * 5_000).state == "open"
    assert of(engine, service_id).assured_date == ago(100)
    with writing(engine) as session:
        ((note, service),) = reports.notes(session, ADA)
        assert note.words.startswith("We moved to <b>Hall 2</b>") and len(note.words) == 2_000 and service.id == service_id
        reports.settle_note(session, ADA, note.id)
        assert reports.notes(session, ADA) == []
        assert session.get_one(ProviderNote, note.id).settled_by == "Ada"


# ---- Parents' reports -------------------------------------------------------------------------------------------------


def test_several_parents_reports_are_one_item_with_a_count_and_reasons(engine: Engine, service_id: str) -> None:
    with writing(engine) as session:
        for reason in (None, "closed", "closed", "phone"):
            assert reports.report(session, service_id, TODAY)
            if reason:
                reports.give_reason(session, service_id, reason, TODAY)
    with Session(engine) as session:
        (item,) = reports.reported(session, ADA)
        assert (item.count, item.reasons) == (4, (("closed", 2), ("phone", 1)))


def test_a_report_holds_nothing_of_the_parent() -> None:
    assert {column.name for column in ParentReport.__table__.columns} == {"service_id", "reason", "count", "first_on", "last_on"}


def test_a_reason_that_comes_after_staff_dealt_with_it_opens_the_item_again(engine: Engine, service_id: str) -> None:
    with writing(engine) as session:
        reports.report(session, service_id, TODAY)
        assert reports.settle_reports(session, ADA, service_id) == 1
        assert reports.reported(session, ADA) == []
        reports.give_reason(session, service_id, "moved", TODAY)
        assert [(item.count, item.reasons) for item in reports.reported(session, ADA)] == [(1, (("moved", 1),))]


def test_a_report_of_what_is_gone_and_an_unknown_reason_are_refused(engine: Engine, service_id: str) -> None:
    with writing(engine) as session:
        assert not reports.report(session, "no such id", TODAY)
        with pytest.raises(ValueError, match="reason"):
            reports.give_reason(session, service_id, "rude", TODAY)


# ---- Quick changes ----------------------------------------------------------------------------------------------------


def do(engine: Engine, service_id: str, kind: str, person: Person = ADA, **values: object) -> QuickAct:
    with writing(engine) as session:
        return acts.act(session, person, service_id, Wish(kind=kind, today=TODAY, **values))  # type: ignore[arg-type]


STATES = [
    ("checked", {"assured_date": TODAY}),
    ("full", {"full_since": TODAY}),
    ("closed_now", {"status": "temporarily closed"}),
    ("closed_good", {"status": "defunct"}),
]


@pytest.mark.parametrize(("kind", "after"), STATES)
def test_a_quick_change_is_recorded_with_who_and_when_and_can_be_undone(
    engine: Engine, service_id: str, kind: str, after: dict[str, object]
) -> None:
    fields = ("assured_date", "assurer_email", "full_since", "status")
    before = {field: getattr(of(engine, service_id), field) for field in fields}
    row = do(engine, service_id, kind)
    assert {field: getattr(of(engine, service_id), field) for field in after} == after
    assert (row.author, row.author_id) == ("Ada", 1) and row.at.tzinfo is not None
    with writing(engine) as session:
        undone = acts.undo(session, ADA, row.id)
        assert undone.undone_by == "Ada" and undone.undone_at is not None
    assert {field: getattr(of(engine, service_id), field) for field in fields} == before
    with writing(engine) as session, pytest.raises(Refusal, match="undone_already"):
        acts.undo(session, ADA, row.id)


def test_open_again_takes_back_closed_and_full(engine: Engine, service_id: str) -> None:
    do(engine, service_id, "full")
    do(engine, service_id, "closed_now")
    do(engine, service_id, "open_again")
    service = of(engine, service_id)
    assert (service.status, service.full_since) == ("active", None)


@pytest.mark.parametrize("kind", ["open_again", "checked"])
def test_what_changes_nothing_is_said_and_not_recorded(engine: Engine, service_id: str, kind: str) -> None:
    if kind == "checked":
        do(engine, service_id, "checked")
    with pytest.raises(Refusal, match="unchanged"):
        do(engine, service_id, kind)
    with Session(engine) as session:
        assert len(acts.acts_of(session, service_id)) == (kind == "checked")


def test_what_was_changed_again_since_is_not_undone(engine: Engine, service_id: str) -> None:
    row = do(engine, service_id, "closed_now")
    do(engine, service_id, "closed_good")
    with writing(engine) as session, pytest.raises(Refusal, match="changed_since"):
        acts.undo(session, ADA, row.id)
    assert of(engine, service_id).status == "defunct"


def test_a_closed_service_is_not_found_and_an_opened_one_is_again(
    demonstration: Directory, engine: Engine, service_id: str
) -> None:
    def found() -> bool:
        return service_id in [match.service.id for match in demonstration.search(Query(mode="go", limit=100))]

    assert found()
    row = do(engine, service_id, "closed_now")
    assert not found()
    with writing(engine) as session:
        acts.undo(session, ADA, row.id)
    assert found()


def test_a_cancelled_session_is_not_offered_until_it_is_undone(demonstration: Directory, engine: Engine, service_id: str) -> None:
    def following() -> date | None:
        return next(
            (
                m.next_session.date
                for m in demonstration.search(Query(mode="go", limit=100))
                if m.service.id == service_id and m.next_session
            ),
            None,
        )

    day = following()
    assert day is not None
    row = do(engine, service_id, "cancelled", day=day, note="Boiler <script>")
    later = following()
    assert later is not None and later > day
    with pytest.raises(Refusal, match="unchanged"):
        do(engine, service_id, "cancelled", day=day)
    with writing(engine) as session:
        acts.undo(session, ADA, row.id)
    assert following() == day


@pytest.mark.parametrize(
    ("day", "code"), [(None, "no_day"), (TODAY - timedelta(days=1), "past_day"), (TODAY + timedelta(days=400), "far_day")]
)
def test_a_day_that_cannot_be_meant_is_refused(engine: Engine, service_id: str, day: date | None, code: str) -> None:
    with pytest.raises(Refusal, match=code):
        do(engine, service_id, "cancelled", day=day)


def test_many_are_checked_at_once_or_none(engine: Engine, demonstration: Directory) -> None:
    with Session(engine) as session:
        ids = list(session.scalars(select(models.Service.id)))
    with writing(engine) as session:
        assert acts.check_many(session, ADA, [*ids, ids[0]], Wish(kind="checked", today=TODAY)) > 5
        assert acts.check_many(session, ADA, ids, Wish(kind="checked", today=TODAY)) == 0
    with Session(engine) as session:
        assert set(session.scalars(select(models.Service.assured_date))) == {TODAY}
    tomorrow = TODAY + timedelta(days=1)
    with pytest.raises(Refusal, match="missing"), writing(engine) as session:
        acts.check_many(session, ADA, [ids[0], "no such id"], Wish(kind="checked", today=tomorrow))
    with Session(engine) as session:
        assert set(session.scalars(select(models.Service.assured_date))) == {TODAY}


def test_staff_of_one_area_change_and_see_only_what_is_theirs(engine: Engine, service_id: str) -> None:
    here, there = Person(id=2, name="Ben", area_id="here"), Person(id=3, name="Cleo", area_id="there")
    with writing(engine) as session:
        session.get_one(models.Service, service_id).area_id = "here"
        reports.report(session, service_id, TODAY)
    with pytest.raises(Refusal, match="missing"):
        do(engine, service_id, "full", there)
    row = do(engine, service_id, "full", here)
    with writing(engine) as session:
        with pytest.raises(Refusal, match="missing"):
            acts.undo(session, there, row.id)
        with pytest.raises(Refusal, match="missing"):
            reports.settle_reports(session, there, service_id)
        assert len(reports.reported(session, here)) == 1 and reports.reported(session, there) == []
        for person, seen in ((here, True), (there, False)):
            assert (service_id in [one.service_id for one in todo.due_records(session, person, TODAY, POLICY)]) is seen
        session.get_one(models.Service, service_id).area_id = None
    with pytest.raises(Refusal, match="not_yours"):
        do(engine, service_id, "checked", here)


# ---- Counts -----------------------------------------------------------------------------------------------------------


def test_other_parts_put_numbers_on_the_list(engine: Engine, service_id: str) -> None:
    with Session(engine) as session:
        before = todo.how_many(session, ADA, TODAY, POLICY)
        with todo.registered("questions", "/staff/questions", lambda session, person: 7):
            assert todo.how_many(session, ADA, TODAY, POLICY) == before + 7
            assert [(one.name, one.number, one.page) for one in todo.counts(session, ADA)][-1] == (
                "questions",
                7,
                "/staff/questions",
            )
        assert todo.how_many(session, ADA, TODAY, POLICY) == before


# ---- The limit of an area ---------------------------------------------------------------------------------------------


@pytest.fixture
def old(engine: Engine, demonstration: Directory) -> set[str]:
    """All services of one area with a limit of 120 days, half of them checked 200 days ago."""
    with writing(engine) as session:
        rows = session.scalars(select(models.Service).order_by(models.Service.id)).all()
        for number, row in enumerate(rows):
            row.area_id, row.assured_date = "here", ago(200) if number % 2 else ago(1)
        session.add(AgeLimit(area_id="here", days=120, set_by="Ada"))
    return {row.id for number, row in enumerate(rows) if number % 2}


def found(directory: Directory, **query: object) -> list[str]:
    return [match.service.id for match in directory.search(Query(**query))]  # type: ignore[arg-type]


def test_what_is_past_its_areas_limit_is_hidden_while_there_is_something_fresher(
    demonstration: Directory, engine: Engine, old: set[str]
) -> None:
    everything = found(demonstration, limit=200)
    assert everything and not set(everything) & old
    pages = [one for offset in range(0, len(everything) + 3, 3) for one in found(demonstration, limit=3, offset=offset)]
    assert sorted(pages) == sorted(everything) and len(set(pages)) == len(pages)
    with writing(engine) as session:
        session.get_one(AgeLimit, "here").days = 365
    assert set(found(demonstration, limit=200)) & old


def test_where_all_that_matches_is_past_the_limit_it_is_shown_and_marked(
    demonstration: Directory, engine: Engine, old: set[str]
) -> None:
    with writing(engine) as session:
        for row in session.scalars(select(models.Service)):
            row.assured_date = None if row.source_id == "rhyme-time" else ago(200)
    matches = demonstration.search(Query(limit=200))
    assert matches and all(match.past_limit and match.stale for match in matches)
    assert [match.service.id for match in matches[2:4]] == found(demonstration, limit=2, offset=2) or len(matches) < 4


def test_an_area_without_a_limit_hides_nothing(demonstration: Directory, engine: Engine, old: set[str]) -> None:
    with writing(engine) as session:
        session.delete(session.get_one(AgeLimit, "here"))
    assert set(found(demonstration, limit=200)) & old
    assert not any(match.past_limit for match in demonstration.search(Query(limit=200)))


def test_one_place_is_kept_for_something_without_travel_among_what_is_left(demonstration: Directory, old: set[str]) -> None:
    page = demonstration.search(Query(place="ZZ1", limit=3))
    assert any("no_travel" in [reason.code for reason in match.why] for match in page)
    assert limits.search_within(lambda query: [], Query(), {"here": 1}, TODAY) == []


# ---- Translations -----------------------------------------------------------------------------------------------------


def test_a_name_and_description_can_be_held_in_other_languages(demonstration: Directory, engine: Engine, service_id: str) -> None:
    with writing(engine) as session:
        translations.set_translation(session, service_id, "cy", "Amser <b>Rhigwm</b>", "", "Ada")
        translations.set_translation(session, service_id, "pl", "", "Rymowanki dla dzieci", "Ada")
    assert demonstration.wordings([service_id], "cy-GB")[service_id] == translations.Wording("Amser Rhigwm", None)
    assert demonstration.wordings([service_id], "pl")[service_id].description == "Rymowanki dla dzieci"
    assert demonstration.wordings([service_id], "ur") == demonstration.wordings([], "cy") == {}
    with writing(engine) as session:
        assert list(translations.translations_of(session, service_id)) == ["cy", "pl"]
        translations.set_translation(session, service_id, "cy", "", "", "Ada")
        assert list(translations.translations_of(session, service_id)) == ["pl"]


def test_a_service_says_since_when_it_is_full(demonstration: Directory, engine: Engine, service_id: str) -> None:
    do(engine, service_id, "full")
    service = demonstration.service(service_id)
    assert isinstance(service, Service) and service.full_since == TODAY and NOON.date() == TODAY
