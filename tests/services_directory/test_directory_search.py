"""What a search finds, in what order, and why."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from services_directory import (
    Directory,
    Match,
    Query,
    Service,
    UnknownTerm,
    load_demonstration,
    migrate,
    open_engine,
    vocabulary,
    writing,
)
from services_directory import models as tables
from services_directory.place_index import PlaceIndex
from services_directory.search import Index, build_index, search

TODAY = date(2026, 11, 21)
Ask = Callable[..., list[Match]]


@pytest.fixture
def ask(shared_demonstration: Directory) -> Ask:
    def asking(**fields: object) -> list[Match]:
        return shared_demonstration.search(Query(**fields))  # type: ignore[arg-type]

    return asking


def names(matches: list[Match]) -> list[str | None]:
    return [match.service.source_id for match in matches]


def codes(match: Match) -> dict[str, dict[str, object]]:
    return {code: dict(arguments) for code, arguments in match.why}


def position(matches: list[Match], source_id: str) -> int:
    return names(matches).index(source_id)


def changed(directory: Directory, fields: Mapping[str, Mapping[str, object]] = {}) -> Index:
    """Return the index of a directory in which some services (by source id) have other fields."""
    index = directory._current()
    services = [replace(e.service, **fields.get(e.service.source_id or "", {})) for e in index.entries]  # type: ignore[arg-type]
    return build_index(index.revision, services, index.places, index.vocabulary, frozenset({"example"}))


def find(index: Index, **fields: object) -> list[Match]:
    moment = datetime(2026, 11, 21, 12)
    return search(index, Query(**fields), today=moment.date(), time_of_day=moment.time())  # type: ignore[arg-type]


# ---- Gates


def test_a_temporarily_closed_service_is_never_found(ask: Ask, shared_demonstration: Directory) -> None:
    assert "closed-group" not in names(ask(place="Gullstrand", limit=100))
    assert "closed-group" not in names(ask(text="sing splash", place="ZZ2 2AD", limit=100))


def test_only_what_is_approved_is_found(demonstration: Directory, engine: Engine) -> None:
    for approval in ("draft", "pending", "withdrawn"):
        with writing(engine) as session:
            row = session.scalars(select(tables.Service).where(tables.Service.source_id == "baby-swim")).one()
            row.approval = approval
        found = demonstration.search(Query(text="swim", place="ZZ1"))
        assert names(found) == [], approval
        assert demonstration.service(row.id) is None


def test_a_service_is_found_only_on_the_days_between_which_it_is_to_be_seen(shared_demonstration: Directory) -> None:
    index = changed(
        shared_demonstration,
        {"baby-swim": {"visible_from": TODAY + timedelta(days=1), "visible_to": TODAY + timedelta(days=2)}},
    )
    seen = [bool(find(index, text="swim", place="ZZ1", at=TODAY + timedelta(days=day))) for day in range(4)]
    assert seen == [False, True, True, False]


def test_an_untagged_service_answers_no_need(shared_demonstration: Directory) -> None:
    index = changed(shared_demonstration, {"stay-and-play": {"needs": ()}})
    for need in vocabulary().terms:
        assert "stay-and-play" not in names(find(index, need=need, place="ZZ1 1AA", limit=100)), need
    assert "stay-and-play" in names(find(index, place="ZZ1 1AA", limit=100))


def test_every_result_for_a_need_has_a_tag_that_answers_it(ask: Ask) -> None:
    words = vocabulary()
    for need in words.terms:
        for match in ask(need=need, place="ZZ1", limit=100):
            tag = codes(match)["need"]["term"]
            assert tag in match.service.needs
            assert words.steps(need, str(tag)) is not None


def test_a_child_outside_the_ages_does_not_find_a_service(ask: Ask) -> None:
    # First Months: from birth up to and including nine months.
    found = {age: "little-babies" in names(ask(place="ZZ1 1AA", age_months=age, limit=100)) for age in (-1, 0, 9, 10)}
    assert found == {-1: False, 0: True, 9: True, 10: False}


def test_a_pregnancy_has_an_age_too(ask: Ask) -> None:
    found = ask(place="ZZ1", age_months=-4, limit=100)
    assert "getting-ready" in names(found)
    assert "stay-and-play" not in names(found)
    assert all((match.service.minimum_age_months or -10) <= -4 for match in found)


def test_a_service_for_no_age_in_particular_stays_and_claims_nothing(ask: Ask) -> None:
    money = ask(need="money-and-benefits", place="ZZ1", age_months=7)[0]
    assert money.service.source_id == "money-advice"
    assert "age" not in codes(money)


@pytest.mark.parametrize("mode", ["go", "phone", "online", "home"])
def test_a_mode_is_a_gate(ask: Ask, mode: str) -> None:
    found = ask(place="ZZ1", mode=mode, limit=100)
    assert found
    assert all(mode in match.service.modes for match in found)


def test_a_service_that_says_whom_it_serves_is_not_shown_to_others(ask: Ask) -> None:
    assert "hv-larkmoor" in names(ask(need="health-visiting", place="ZZ1 2AB", limit=100))
    elsewhere = names(ask(need="health-visiting", place="ZZ2 1AA", limit=100))
    assert "hv-larkmoor" not in elsewhere
    assert "hv-saltmere" in elsewhere


def test_coverage_crosses_the_border_where_the_record_says_so(ask: Ask) -> None:
    assert "causeway-babies" in names(ask(need="baby-and-toddler-groups", place="ZZ1", limit=100))
    assert "causeway-babies" in names(ask(need="baby-and-toddler-groups", place="ZZ2", limit=100))


def test_nothing_to_travel_to_is_shown_from_too_far_away(ask: Ask) -> None:
    for match in ask(place="ZZ1 1AA", limit=100):
        assert match.distance_miles is None or match.distance_miles <= 30
    # Saltmere's library serves no area by name and is 18 miles off.
    assert "story-time" not in names(ask(place="ZZ1 1AA", limit=100))


def test_a_targeted_home_visit_stays_in_its_district(ask: Ask) -> None:
    assert "feeding-home" in names(ask(need="infant-feeding", place="Quillbeck", limit=100))
    assert "feeding-home" not in names(ask(need="infant-feeding", place="Marramby", limit=100))


def test_without_a_place_nobody_is_sent_anywhere(ask: Ask) -> None:
    found = ask(need="infant-feeding", limit=100)
    assert found
    assert all(set(match.service.modes) - {"go"} for match in found)
    assert all(match.distance_miles is None for match in found)
    assert names(found) == names(ask(need="infant-feeding", place="Dundee", limit=100))


def test_an_unknown_postcode_finds_what_serves_everybody(ask: Ask) -> None:
    found = ask(place="CF37", limit=100)
    assert names(found)
    assert all("UK" in match.service.areas for match in found)


def test_an_unknown_need_is_an_error() -> None:
    with pytest.raises(UnknownTerm, match="astrology"):
        find(build_index(1, [], PlaceIndex(), vocabulary(), frozenset()), need="astrology")


@pytest.mark.parametrize("fields", [{"limit": 0}, {"limit": -1}, {"offset": -1}])
def test_it_refuses_a_page_that_cannot_be(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="limit"):
        Query(**fields)  # type: ignore[arg-type]


def test_a_finished_course_is_not_shown(shared_demonstration: Directory) -> None:
    index = shared_demonstration._current()
    course = next(entry.service for entry in index.entries if entry.service.source_id == "parenting-course")
    ended = tuple(replace(rule, until=date(2026, 7, 1)) for rule in course.timetables)
    index = changed(shared_demonstration, {"parenting-course": {"timetables": ended}})
    assert "parenting-course" not in names(find(index, need="parenting-courses", place="ZZ1", limit=100))


# ---- Order


def test_the_need_itself_comes_before_a_part_of_it_and_that_before_what_it_is_part_of(
    shared_demonstration: Directory,
) -> None:
    same = next(e.service for e in shared_demonstration._current().entries if e.service.source_id == "feeding-line")
    services = [
        replace(same, id=tag, source_id=tag, needs=(tag,))
        for tag in ("pregnancy-and-birth", "first-foods", "infant-feeding", "twins-and-more")
    ]
    index = build_index(1, services, PlaceIndex(), vocabulary(), frozenset())
    assert names(find(index, need="infant-feeding")) == ["infant-feeding", "first-foods", "pregnancy-and-birth"]


def test_an_old_far_entry_for_the_need_itself_comes_before_a_near_one_for_its_parent(ask: Ask) -> None:
    found = ask(need="transport", place="ZZ1 4")
    assert names(found)[:2] == ["lifts", "money-advice"]


def test_nearer_comes_first(ask: Ask) -> None:
    found = ask(need="baby-and-toddler-groups", place="ZZ1 2BJ", mode="go", limit=100)
    assert position(found, "bramble-toddlers") < position(found, "urdu-playgroup") < position(found, "causeway-babies")


@pytest.mark.parametrize("checked", [None, TODAY - timedelta(days=91), TODAY - timedelta(days=2000)])
def test_what_nobody_has_checked_comes_after_its_equal(shared_demonstration: Directory, checked: date | None) -> None:
    before = find(changed(shared_demonstration), need="baby-and-toddler-groups", place="ZZ1 1AA", limit=100)
    index = changed(shared_demonstration, {"stay-and-play": {"checked": checked}})
    after = find(index, need="baby-and-toddler-groups", place="ZZ1 1AA", limit=100)
    assert position(after, "stay-and-play") > position(before, "stay-and-play")
    stale = after[position(after, "stay-and-play")]
    assert stale.stale
    assert codes(stale)["not_checked_since"] == ({} if checked is None else {"date": checked})


def test_the_longer_ago_the_lower(shared_demonstration: Directory) -> None:
    scores = []
    for days in (90, 91, 200, 729, 5000):
        index = changed(shared_demonstration, {"baby-swim": {"checked": TODAY - timedelta(days=days)}})
        scores.append(find(index, text="swim", place="ZZ1")[0].score)
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 5


def test_a_stale_entry_is_still_shown_where_it_is_the_only_one(ask: Ask) -> None:
    found = ask(need="hearing-and-sight", place="ZZ1", age_months=10)
    assert names(found)[0] == "little-signers"
    assert found[0].stale


def test_a_language_is_preferred_and_not_required(ask: Ask) -> None:
    plain = ask(need="baby-and-toddler-groups", place="ZZ1 1AA", limit=100)
    urdu = ask(need="baby-and-toddler-groups", place="ZZ1 1AA", language="ur", limit=100)
    assert set(names(urdu)) == set(names(plain))
    assert names(urdu)[0] == "urdu-playgroup"
    assert position(plain, "urdu-playgroup") > 0
    assert codes(urdu[0])["language"] == {"code": "ur"}


def test_an_interpreter_counts_for_less_than_the_language_itself(ask: Ask) -> None:
    found = ask(need="health-visiting", place="ZZ2 1AA", language="cy", limit=100)
    assert codes(found[position(found, "hv-saltmere")])["language"] == {"code": "cy"}
    bengali = ask(need="health-visiting", place="ZZ2 1AA", language="bn", limit=100)
    assert codes(bengali[position(bengali, "hv-saltmere")])["interpreter"] == {"code": "bn"}


def test_english_is_no_distinction(ask: Ask) -> None:
    assert ask(place="ZZ1", language="en-GB", limit=100) == ask(place="ZZ1", limit=100)


def test_one_place_on_the_first_page_is_kept_for_an_option_without_travel(shared_demonstration: Directory) -> None:
    near = next(e.service for e in shared_demonstration._current().entries if e.service.source_id == "stay-and-play")
    line = next(e.service for e in shared_demonstration._current().entries if e.service.source_id == "crying-line")
    groups = [replace(near, id=str(n), source_id=str(n), name=f"Group {n}") for n in range(9)]
    places = shared_demonstration._current().places
    old = replace(line, needs=("baby-and-toddler-groups",), checked=date(2020, 1, 1))
    index = build_index(1, [*groups, old], places, vocabulary(), frozenset())
    first = find(index, need="baby-and-toddler-groups", place="ZZ1 1AA", limit=3)
    assert names(first) == ["0", "1", "crying-line"]
    second = find(index, need="baby-and-toddler-groups", place="ZZ1 1AA", limit=3, offset=3)
    assert names(second) == ["2", "3", "4"]


def test_the_kept_place_is_not_taken_when_only_places_to_go_were_asked_for(ask: Ask) -> None:
    assert all("go" in match.service.modes for match in ask(place="ZZ1 1AA", mode="go", limit=3))


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_show_everything_once(ask: Ask, limit: int) -> None:
    paged: list[str | None] = []
    while page := names(ask(place="ZZ1", limit=limit, offset=len(paged))):
        paged += page
    whole = names(ask(place="ZZ1", limit=1000))
    assert sorted(map(str, paged)) == sorted(map(str, whole))
    assert len(paged) == len(set(paged))


def test_the_same_question_has_the_same_answer(ask: Ask) -> None:
    assert ask(place="Larkmoor", text="baby group") == ask(place="Larkmoor", text="baby group")


# ---- Words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("swimming", "baby-swim"),
        ("swiming lessons for my baby", "baby-swim"),
        ("breastfeeding help", "feeding-cafe"),
        ("nappies and clothes", "baby-bank"),
        ("something for dads", "dads-saturday"),
        ("twin club", "twins-club"),
        ("rhyme time near ZZ1", "rhyme-time"),
        ("library story", "rhyme-time"),
    ],
)
def test_words_find_what_they_mean(ask: Ask, text: str, expected: str) -> None:
    assert expected in names(ask(text=text, place="ZZ1"))[:2]


def test_words_that_no_service_has_find_nothing(ask: Ask) -> None:
    assert ask(text="chess tournament", place="ZZ1") == []


def test_words_that_every_question_has_are_not_looked_for(ask: Ask) -> None:
    assert names(ask(text="is there anything on near me?", place="ZZ1", limit=99)) == names(ask(place="ZZ1", limit=99))


def test_beside_a_need_words_only_help_to_order(ask: Ask) -> None:
    plain = ask(need="baby-and-toddler-groups", place="ZZ1 1AA", limit=100)
    worded = ask(need="baby-and-toddler-groups", place="ZZ1 1AA", text="ride-on toys and sand", limit=100)
    assert set(names(worded)) == set(names(plain))
    before = {match.service.source_id: match.score for match in plain}
    gains = {match.service.source_id: match.score - before[match.service.source_id] for match in worded}
    assert max(gains, key=lambda source_id: gains[source_id]) == "bramble-toddlers"
    assert min(gains.values()) == 0


# ---- Reasons and facts


def test_a_reason_is_a_code_with_arguments(ask: Ask) -> None:
    match = ask(need="baby-and-toddler-groups", place="ZZ1 2AB", age_months=3, mode="go")[0]
    assert ("near", {"miles": 2}) in match.why
    assert ("age", {}) in match.why
    assert ("need", {"term": "baby-and-toddler-groups"}) in match.why
    line = ask(need="crying", place="ZZ1", mode="phone")
    found = line[position(line, "crying-line")]
    assert ("serves", {"place": "ZZ1"}) in found.why
    assert ("no_travel", {}) in found.why


def test_a_district_gives_no_miles(ask: Ask) -> None:
    found = ask(need="baby-and-toddler-groups", place="Larkmoor", limit=100)
    assert all(match.distance_miles is None and "near" not in codes(match) for match in found)
    assert codes(found[0])["in"] == {"place": "Larkmoor"}


def test_it_gives_the_next_session_at_the_venue_it_names(ask: Ask) -> None:
    for place, venue, day in (("ZZ1 1AA", "The Lantern", 23), ("ZZ1 2AB", "Brambleholt Family Hub", 25)):
        match = ask(need="parent-infant-relationship", place=place, mode="go", age_months=3)[0]
        assert match.service.source_id == "baby-massage"
        assert match.venue is not None
        assert match.venue.name.startswith(venue)
        assert match.next_session is not None
        assert match.next_session.date == date(2026, 11, day)


def test_the_day_that_is_asked_for_decides_the_next_session(ask: Ask) -> None:
    match = ask(text="tansy tots", place="ZZ1 4AF", at=date(2026, 12, 3))[0]
    assert match.next_session is not None
    # Every other Wednesday, counted from 3 September 2025.
    assert match.next_session.date == date(2026, 12, 9)
    assert (match.next_session.date - date(2025, 9, 3)).days % 14 == 0


def test_a_session_that_is_over_today_is_not_the_next(shared_demonstration: Directory) -> None:
    index = shared_demonstration._current()
    day = date(2026, 11, 24)
    times = [datetime(2026, 11, 24, hour) for hour in (9, 12)]
    query = Query(text="lantern stay play", place="ZZ1 1AA")
    found = [search(index, query, today=day, time_of_day=moment.time())[0].next_session for moment in times]
    assert [session.date if session else None for session in found] == [day, day + timedelta(days=7)]


def test_a_match_says_what_it_costs_how_to_join_and_when_it_was_checked(ask: Ask) -> None:
    match = ask(text="baby swim", place="ZZ1")[0]
    assert [(str(cost.amount), cost.text) for cost in match.costs] == [
        ("3.00", "a session if you get Universal Credit"),
        ("6.50", "a session"),
    ]
    assert match.how_to_join == "Book by phone."
    assert match.checked == TODAY - timedelta(days=11)
    assert [phone.number for phone in match.phones] == ["01632 960106"]


def test_a_private_address_is_never_given(ask: Ask) -> None:
    matches = ask(need="domestic-abuse", place="ZZ1", mode="go")
    refuge = matches[position(matches, "safe-house")]
    assert refuge.venue is not None
    assert (refuge.venue.address, refuge.venue.postcode) == (("Larkmoor", "ZZ1"), "ZZ1")
    assert (refuge.venue.latitude, refuge.venue.longitude, refuge.distance_miles) == (None, None, None)
    assert "Example Avenue" not in repr(matches)


def test_records_are_plain_text_and_safe_links(demonstration: Directory, engine: Engine) -> None:
    with writing(engine) as session:
        row = session.scalars(select(tables.Service).where(tables.Service.source_id == "baby-swim")).one()
        row.description = "<p>Warm &amp; <b>wet</b></p><script>alert(1)</script>\u202eevil\u0007"
        row.url = "javascript:alert(1)"
    record = demonstration.service(row.id)
    assert isinstance(record, Service)
    assert record.description == "Warm & wet evil"
    assert record.url is None


def test_the_hubs_can_be_listed(shared_demonstration: Directory) -> None:
    hubs = shared_demonstration.hubs()
    assert len(hubs) == 5
    assert "Pier Family Hub (example)" in hubs


def test_both_databases_give_the_same_answers(demonstration: Directory, shared_demonstration: Directory) -> None:
    for query in (
        Query(place="ZZ1", limit=100),
        Query(need="sleep", language="ur"),
        Query(text="dads", place="ZZ2 1AA"),
    ):
        assert demonstration.search(query) == shared_demonstration.search(query)


# ---- The demonstration


def test_loading_the_demonstration_again_changes_nothing(demonstration: Directory, engine: Engine) -> None:
    before = demonstration.revision()
    assert load_demonstration(engine, today=TODAY) >= 60
    demonstration.search(Query())
    assert demonstration.revision() == before


def test_every_need_and_every_topic_finds_something_in_the_demonstration(ask: Ask) -> None:
    words = vocabulary()
    used = {need for match in ask(place="ZZ1", limit=1000) for need in match.service.needs}
    used |= {need for match in ask(place="ZZ2", limit=1000) for need in match.service.needs}
    assert used == set(words.terms)
    for topic, needs in words.topics.items():
        assert any(ask(need=need, place=place) for need in needs for place in ("ZZ1", "ZZ2")), topic


def test_the_demonstration_can_be_loaded_on_another_day(tmp_path_factory: pytest.TempPathFactory) -> None:
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('later') / 'directory.db'}")
    migrate(engine)
    load_demonstration(engine, today=TODAY)
    load_demonstration(engine, today=TODAY + timedelta(days=30))
    directory = Directory(engine, clock=lambda: datetime(2026, 12, 21, 12))
    assert directory.search(Query(text="swim", place="ZZ1"))[0].checked == TODAY + timedelta(days=19)
    engine.dispose()


# ---- Time, cost and access


def test_open_now_asks_for_a_session_that_is_going_on(shared_demonstration: Directory) -> None:
    index = shared_demonstration._current()

    def found(moment: datetime, **fields: object) -> list[str | None]:
        query = Query(place="ZZ1 1AA", open_now=True, limit=100, **fields)  # type: ignore[arg-type]
        return names(search(index, query, today=moment.date(), time_of_day=moment.time()))

    assert "stay-and-play" in found(datetime(2026, 11, 24, 10, 30))
    assert "stay-and-play" not in found(datetime(2026, 11, 24, 11, 30))
    assert "crying-line" in found(datetime(2026, 12, 25, 10))
    assert "family-hub-lantern" not in found(datetime(2026, 12, 25, 10))
    # In the half-term holiday a group of term time is not open.
    assert "stay-and-play" not in found(datetime(2026, 10, 27, 10, 30))


def test_this_week_is_seven_days_and_leaves_out_what_is_over(shared_demonstration: Directory) -> None:
    index = shared_demonstration._current()
    query = Query(text="tansy tots", place="ZZ1 4AF", this_week=True)
    # Every other Wednesday, and 25 November is one of them.
    seen = {}
    for day, hour in ((18, 9), (19, 9), (25, 9), (25, 12), (26, 9)):
        found = search(index, query, today=date(2026, 11, day), time_of_day=datetime(2026, 11, day, hour).time())
        seen[day, hour] = "tansy-tots" in names(found)
    assert seen == {(18, 9): False, (19, 9): True, (25, 9): True, (25, 12): False, (26, 9): False}


@pytest.mark.parametrize(
    ("days", "part", "fits"),
    [({"TU"}, "morning", True), ({"MO"}, None, False), (set(), "evening", False), ({"MO", "TU"}, None, True)],
)
def test_a_wish_for_days_and_a_part_of_the_day_is_a_gate(ask: Ask, days: set[str], part: str | None, fits: bool) -> None:
    found = ask(text="lantern stay play", place="ZZ1 1AA", days=frozenset(days), part=part, mode="go")
    assert ("stay-and-play" in names(found)) is fits


def test_a_group_of_unknown_term_dates_is_shown_with_the_advice_to_check(shared_demonstration: Directory) -> None:
    index = shared_demonstration._current()
    query = Query(text="lantern stay play", place="ZZ1 1AA", this_week=True)
    far = date(2031, 11, 3)
    found = search(index, query, today=far, time_of_day=datetime(2031, 11, 3, 9).time())
    match = found[position(found, "stay-and-play")]
    assert codes(match)["term_time"] == {}
    assert match.next_session is None
    known = search(index, query, today=TODAY, time_of_day=datetime(2026, 11, 21, 9).time())
    assert "term_time" not in codes(known[position(known, "stay-and-play")])


def test_free_means_that_every_price_is_nothing(ask: Ask) -> None:
    found = ask(place="ZZ1", free=True, limit=100)
    assert found
    assert all(match.costs and all(cost.amount == 0 for cost in match.costs) for match in found)
    assert "baby-swim" not in names(found)


def test_access_is_asked_of_the_venue_and_never_of_what_needs_no_travel(ask: Ask) -> None:
    found = ask(place="ZZ1 1AA", access=("step-free",), limit=100)
    going = [match for match in found if match.venue is not None]
    assert going
    assert all(any("tep-free" in entry for entry in match.venue.access) for match in going if match.venue)
    assert any(match.venue is None for match in found)


def test_a_topic_is_answered_by_its_terms_by_weight(ask: Ask) -> None:
    found = ask(topic="baby/sleep", place="ZZ1", limit=100)
    assert {str(codes(match)["need"]["term"]) for match in found} >= {"sleep", "health-visiting"}
    assert codes(found[0])["need"] == {"term": "sleep"}
    with pytest.raises(UnknownTerm):
        ask(topic="astrology")


def test_every_topic_finds_something_in_the_demonstration(ask: Ask) -> None:
    for topic in vocabulary().topics:
        assert all(ask(topic=topic, place=place, limit=1) for place in ("ZZ1", "ZZ2")), topic


def test_open_now_is_not_asked_of_another_day() -> None:
    with pytest.raises(ValueError, match="open_now"):
        Query(open_now=True, at=TODAY)
    with pytest.raises(ValueError, match="days are"):
        Query(days=frozenset({"Monday"}))


# ---- Words


@pytest.mark.parametrize(
    ("typed", "source_id"),
    [
        ("breastfeding", "feeding-line"),
        ("bwydo ar y fron", "feeding-line"),
        ("karmienie piersią", "feeding-line"),
        ("গ্রুপ বুকের দুধ", "feeding-line"),
        ("الرضاعة الطبيعية", "feeding-line"),
        ("грудне вигодовування", "feeding-line"),
        ("nofio", "baby-swim"),
    ],
)
def test_a_word_is_found_with_a_wrong_letter_and_by_its_synonyms_in_other_languages(ask: Ask, typed: str, source_id: str) -> None:
    assert source_id in names(ask(text=typed, place="ZZ1", limit=100))


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Grupa dla młodych mam", "mlodych"),
        ("Grŵp Tŷ Coch", "grwp ty coch"),
        ("শিশুদের খেলাঘর", "খেলাঘর"),
        ("ماؤں کا گروپ", "ماؤں"),
        ("مجموعة الأمّهات", "الأمهات"),
        ("ਬੱਚਿਆਂ ਦਾ ਗਰੁੱਪ", "ਬੱਚਿਆਂ"),
        ("બાળકો માટે રમત", "રમત"),
        ("குழந்தைகள் விளையாட்டு", "விளையாட்டு"),
        ("बच्चों का समूह", "बच्चों"),
        ("Група для малюків", "малюків"),
        ("Ομάδα μωρών", "μωρών"),
        ("伦敦亲子游戏小组", "游戏"),
        ("የሕፃናት ቡድን", "የሕፃናት"),
    ],
)
def test_a_name_in_any_script_is_found_by_a_whole_word_of_it(shared_demonstration: Directory, name: str, typed: str) -> None:
    index = changed(shared_demonstration, {"quiet-line": {"name": name}})
    assert "quiet-line" in names(find(index, text=typed, limit=5))
