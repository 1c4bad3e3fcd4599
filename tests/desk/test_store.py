"""A text's way from a draft to a parent, and what stops it."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from bot.desk import store
from bot.desk.published import PublishedWords
from bot.desk.rules import Person
from bot.desk.store import Edit, Refusal
from bot.library import Library
from bot.library.library import source_hash
from bot.storage.engine import Database
from bot.storage.tables import TextVersion
from tests.desk.support import BODY, CRYING, EDITOR, HELP, LEAD, READER, SECOND, TRANSLATOR, Desk


def refused(code: str) -> pytest.RaisesContext[Refusal]:
    return pytest.raises(Refusal, match=f"^{code}$")


def test_a_draft_is_sent_approved_by_another_and_published_and_only_then_read_by_parents(desk: Desk) -> None:
    before = desk.said()
    version = desk.save()
    desk.send(version)
    desk.approve(version)
    assert desk.said() == before and "hum a slow tune" not in before
    desk.publish(version)
    assert "hum a slow tune" in desk.said() and "\u2066999\u2069" in desk.said()
    assert desk.kinds() == ["saved", "sent", "approved", "published"]


def test_another_process_serves_it_at_its_next_look_and_reads_nothing_while_nothing_changes(desk: Desk, library: Library) -> None:
    elsewhere = library.overlaid(PublishedWords(desk.database))
    elsewhere.refresh()
    held = elsewhere._published._held  # type: ignore[union-attr]
    elsewhere.refresh()
    assert elsewhere._published._held is held  # type: ignore[union-attr]
    desk.whole_way()
    elsewhere.refresh()
    assert "hum a slow tune" in elsewhere.render(f"message:{CRYING}", "en").text


def test_while_the_database_is_away_the_words_read_last_are_served_and_a_new_process_serves_the_files(
    desk: Desk, library: Library
) -> None:
    desk.whole_way()
    away = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    try:
        desk.texts.library._published._database = away  # type: ignore[union-attr]
        desk.texts.library.refresh()
        assert "hum a slow tune" in desk.said()
        new = library.overlaid(PublishedWords(away))
        new.refresh()
        assert new.render(f"message:{CRYING}", "en") == library.render(f"message:{CRYING}", "en")
    finally:
        away.dispose()


def test_published_words_that_the_files_no_longer_carry_step_back(desk: Desk) -> None:
    version = desk.whole_way()
    with desk.database.write() as session:
        session.execute(update(TextVersion).where(TextVersion.id == version).values(help_if="ask {a_line_that_is_gone}"))
        store._grow(session)
    desk.texts.library.refresh()
    assert "hum a slow tune" not in desk.said()


def test_safety_texts_are_never_changed_here(desk: Desk) -> None:
    with refused("missing"), store.changing(desk.database, desk.texts) as session:
        store.save(session, desk.texts, LEAD, "safety/emergency", "en", Edit(body="Do not call.", help_if="", seen=""))

    class Everything:
        """What would publish over everything."""

        def words(self, content_id: str, language: str) -> object:
            return store.written_of(TextVersion(body="Do not call.", help_if=None, translation="original")).words()

        def refresh(self) -> None: ...

    library = desk.texts.library.overlaid(Everything())  # type: ignore[arg-type]
    assert library.render(f"message:{CRYING}", "en").text == "Do not call."
    assert "\u2066999\u2069" in library.render("safety:emergency", "en").text


@pytest.mark.parametrize(
    ("person", "language"), [(TRANSLATOR, "en"), (READER, "en"), (READER, "ur"), (Person(9, "Al", frozenset({"approver"})), "ur")]
)
def test_whoever_may_not_write_saves_nothing(desk: Desk, person: Person, language: str) -> None:
    with refused("role"):
        desk.save(person, language)


def test_nobody_approves_words_that_they_had_a_hand_in(desk: Desk) -> None:
    both = Person(7, "Ali", frozenset({"editor", "clinical_lead"}))
    desk.save(both)
    version = desk.save(EDITOR, body=BODY + " Then rest.")
    desk.send(version)
    with refused("own"):
        desk.approve(version, both)
    desk.approve(version, LEAD)
    desk.publish(version)
    again = desk.save(LEAD, body=BODY)
    desk.send(again, LEAD)
    desk.approve(again, both)  # the words before were published and are not theirs any more


@pytest.mark.parametrize("person", [EDITOR, TRANSLATOR, READER])
def test_english_is_approved_by_a_clinical_lead_alone(desk: Desk, person: Person) -> None:
    version = desk.save(LEAD)
    desk.send(version, LEAD)
    with refused("role"):
        desk.approve(version, person)


def test_a_translation_is_approved_by_another_translator_and_native_only_where_they_say_so(desk: Desk) -> None:
    version = desk.save(TRANSLATOR, "ur")
    desk.send(version, TRANSLATOR)
    with refused("own"):
        desk.approve(version, TRANSLATOR)
    desk.approve(version, SECOND, native=True)
    desk.publish(version, LEAD)
    assert desk.live("ur").translation == "native-reviewed" and "لوری سنائیں" in desk.said("ur")
    changed = desk.save(EDITOR, "ur", body=desk.live("ur").body + " آرام کریں۔")
    assert desk.open("ur").id == changed and desk.open("ur").translation == "machine-draft"


def test_the_second_of_two_to_save_is_told_and_nothing_of_either_is_lost(desk: Desk) -> None:
    seen = store.mark(None, desk.live())
    first = desk.save(EDITOR, seen=seen)
    with refused("clash"):
        desk.save(LEAD, body="Mine.", seen=seen)
    assert desk.open().id == first and desk.open().body == BODY
    second = desk.save(LEAD, body="Mine, over theirs.", seen=str(first))
    with desk.database.read() as session:
        assert [one.body for one, _ in [(store.get(session, id_), 0) for id_ in (first, second)]] == [BODY, "Mine, over theirs."]


def test_who_began_before_somebody_published_is_told_too(desk: Desk) -> None:
    seen = store.mark(None, desk.live())
    desk.whole_way()
    with refused("clash"):
        desk.save(body="Of yesterday.", seen=seen)


def test_what_is_not_changed_is_not_kept(desk: Desk) -> None:
    with refused("unchanged"):
        desk.save(body=desk.live().body, help_if=desk.live().help_if or "")
    version = desk.save(body=BODY.replace("\n", "\r\n") + "  \r\n")
    assert desk.open().body == BODY and desk.save() == version


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Ring 0117 496 0123 now.", "stands in the words"),
        ("Your attachment matters.", "jargon"),
        ("Tell {somebody} about it.", "no placeholder"),
        (
            "Notwithstanding considerable physiological deterioration, immediate hospitalisation remains unnecessary.",
            "reading grade",
        ),
        ("word " * 130, "characters long"),
        ("TO-WRITE this.", "still to be written"),
    ],
)
def test_a_failing_check_stops_it_and_says_why(desk: Desk, body: str, said: str) -> None:
    version = desk.save(body=body)
    with refused("checks") as caught:
        desk.send(version)
    assert any(said in problem.message for problem in caught.value.problems)
    assert desk.open().state == "draft"


def test_a_check_that_fails_only_by_now_stops_publishing(desk: Desk) -> None:
    version = desk.save(TRANSLATOR, "ur")
    desk.send(version, TRANSLATOR)
    desk.approve(version)
    desk.whole_way("en")
    with refused("checks") as caught:
        desk.publish(version)
    assert ["stale" in problem.message for problem in caught.value.problems] == [True]
    assert desk.open("ur").state == "approved"


def test_words_that_another_message_has_are_refused(desk: Desk) -> None:
    other = desk.live(content_id="relax/blow-on-the-soup")
    version = desk.save(body=other.body)
    with refused("checks") as caught:
        desk.send(version)
    assert any("the same as in" in problem.message for problem in caught.value.problems)


def test_it_is_given_back_with_a_reason_and_goes_on_from_there(desk: Desk) -> None:
    version = desk.save()
    desk.send(version)
    with refused("state"):
        desk.save(body="Meanwhile.")
    with store.changing(desk.database, desk.texts) as session, refused("reason"):
        store.give_back(session, LEAD, version, " ")
    with store.changing(desk.database, desk.texts) as session:
        store.give_back(session, LEAD, version, "Say it shorter.")
    with desk.database.read() as session:
        assert store.history(session, CRYING, "en")[0][0].note == "Say it shorter."
    assert desk.save(body="Hum a tune.") != version


def test_what_was_approved_is_changed_only_after_it_is_taken_back(desk: Desk) -> None:
    version = desk.save()
    desk.send(version)
    desk.approve(version)
    with refused("state"):
        desk.save(body="Quickly, another word.")
    with store.changing(desk.database, desk.texts) as session:
        store.take_back(session, EDITOR, version)
    with refused("state"):
        desk.publish(version)


def test_one_goes_back_to_any_earlier_version_and_to_the_files_words(desk: Desk) -> None:
    of_file = desk.said()
    first = desk.whole_way()
    second = desk.whole_way(body="Hum a tune. She knows your voice.")
    assert "slow tune" not in desk.said()
    desk.go_back(first)
    assert "slow tune" in desk.said() and desk.kinds()[-1] == "went_back"
    with refused("role"):
        desk.go_back(second, TRANSLATOR)
    with desk.database.read() as session:
        file_row = session.query(TextVersion).filter_by(state="file").one()
        assert file_row.staff_id is None
    desk.go_back(file_row.id)
    assert desk.said() == of_file
    desk.go_back(second)
    with store.changing(desk.database, desk.texts) as session:
        store.withdraw(session, LEAD, CRYING, "en")
    assert desk.said() == of_file


def test_a_draft_that_nobody_published_is_no_version_to_go_back_to(desk: Desk) -> None:
    draft = desk.save()
    with refused("state"):
        desk.go_back(draft)


def test_new_english_leaves_translations_stale_or_carries_them_over_when_the_meaning_is_the_same(desk: Desk) -> None:
    old = desk.live()
    urdu = desk.live("ur")
    desk.whole_way(same_meaning=True, body=BODY)
    assert desk.live("ur").source_hash == source_hash(BODY, HELP) and desk.live("ur").body == urdu.body
    assert desk.live("pl").source_hash == desk.live().hash and desk.kinds("pl") == ["carried_over"]
    desk.whole_way(body="Hum a tune. She knows your voice.")
    assert desk.live("ur").source_hash != desk.live().hash
    with desk.database.read() as session:
        found = store.english_of(session, desk.texts.library, CRYING, old.hash)
        assert found is not None and found.body == old.body
        found = store.english_of(session, desk.texts.library, CRYING, desk.live("ur").source_hash)
        assert found is not None and found.body == BODY


def test_the_meaning_is_not_the_same_where_a_helpline_came_or_went(desk: Desk) -> None:
    version = desk.save(body=BODY, help_if="she is hot: {urgent_health}.")
    desk.send(version)
    desk.approve(version)
    with refused("meaning"):
        desk.publish(version, same_meaning=True)
    assert desk.open().state == "approved"
    desk.publish(version)
