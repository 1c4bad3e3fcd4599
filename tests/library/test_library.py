"""The library: choosing a message for a parent, rendering it, its versions, and what it falls back to."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.kept import Kept
from bot.library import Library
from bot.library.dates import say_date, say_day, say_time
from bot.library.helplines import isolate
from bot.library.library import source_hash, version_of
from bot.library.strings import Strings, UnknownString, fill, placeholders
from bot.library.yamlfile import DataError, parse_yaml, read_front_matter, read_yaml
from bot.settings import ROOT
from tests.library.small import message, put

# Choosing

MESSAGES = {
    "start-here": {},
    "newborn": {"ages": "{from: 0, to: 3}"},
    "first-year": {"ages": "{from: 0, to: 12}"},
    "bump": {"ages": "{from: -9, to: 0}"},
    "for-dads": {"audience": "[dad-or-partner]"},
    "little-money": {"tags": "[little-money]"},
    "in-wales": {"nations": "[wales]", "ages": "{from: 12, to: 60}"},
}


@pytest.fixture
def library(root: Path) -> Library:
    for slug, changes in MESSAGES.items():
        message(root, f"relax/{slug}", f"The words of {slug}.", None, **changes)
    (root / "content/messages/relax/breathe-out/message.yml").unlink()
    return Library.load(root)


@pytest.mark.parametrize(
    ("known", "seen", "slug"),
    [
        ({}, (), "start-here"),
        ({"age_months": 1}, (), "newborn"),
        ({"age_months": 5}, (), "first-year"),
        ({"age_months": -3}, (), "bump"),
        ({"age_months": 30}, (), "start-here"),
        ({"age_months": 30, "nation": "wales"}, (), "in-wales"),
        ({"audience": "dad-or-partner"}, (), "for-dads"),
        ({"age_months": 1, "audience": "dad-or-partner"}, (), "for-dads"),
        ({"age_months": 1}, ("newborn",), "first-year"),
        ({}, ("start-here",), "bump"),
        ({"age_months": 30}, ("start-here",), "little-money"),
        ({"age_months": 30, "nation": "wales"}, ("in-wales",), "start-here"),
    ],
)
def test_it_chooses_what_suits_the_parent(library: Library, known: dict[str, object], seen: tuple[str, ...], slug: str) -> None:
    chosen = library.choose("relax", seen={f"relax/{name}" for name in seen}, **known)  # type: ignore[arg-type]
    assert chosen is not None and chosen.slug == slug


@pytest.mark.parametrize("nation", [None, "england"])
def test_a_message_for_another_nation_is_never_chosen(library: Library, nation: str | None) -> None:
    seen: set[str] = set()
    for _ in MESSAGES:
        chosen = library.choose("relax", age_months=30, nation=nation, seen=seen)
        assert chosen is not None and chosen.slug != "in-wales"
        seen.add(chosen.id)


def test_when_all_are_seen_it_chooses_again_and_when_there_is_none_it_says_so(library: Library) -> None:
    assert library.choose("relax", seen={f"relax/{slug}" for slug in MESSAGES}) is not None
    assert library.choose("weather") is None


def test_an_age_is_in_its_band_from_the_first_month_to_before_the_last(library: Library) -> None:
    newborn = library.messages["relax/newborn"]
    assert [newborn.suits_age(months) for months in (-1, 0, 2, 3, None)] == [False, True, True, False, True]


# Rendering


def test_a_message_is_rendered_with_its_help_line_for_the_nation(library: Library) -> None:
    rendered = library.render("message:baby/crying/start-here", "en", "wales")
    assert rendered.text.endswith(f"\n\n*Get help if* she is hot or hard to wake: NHS 111 (call {isolate('111')}).")
    assert (rendered.language, rendered.content_id, rendered.machine_draft) == ("en", "baby/crying/start-here", False)


def test_a_translation_says_that_it_is_a_draft(library: Library) -> None:
    rendered = library.render("message:baby/crying/start-here", "ur", None)
    assert rendered.language == "ur" and rendered.machine_draft
    assert "*مدد لیں اگر* بچہ گرم ہو: ڈاکٹر یا" in rendered.text


def test_what_is_not_translated_is_rendered_in_english_and_says_so(library: Library) -> None:
    rendered = library.render("message:relax/newborn", "ur")
    assert (rendered.text, rendered.language) == ("The words of newborn.", "en")


def test_safety_texts_and_strings_are_rendered_by_their_own_references(library: Library) -> None:
    assert library.render("safety:emergency", "en").text == f"{isolate('999')}. Call now."
    assert library.render("text:menu.intro", "ur").text == f"یہ ہو سکتا ہے۔ {isolate('999')}۔"
    assert library.render("text:menu.intro", "pl").language == "en"


@pytest.mark.parametrize("ref", ["message:relax/none", "safety:none", "text:none", "else:menu.intro", ""])
def test_an_unknown_reference_is_an_error(library: Library, ref: str) -> None:
    with pytest.raises(KeyError):
        library.render(ref, "en")


def test_the_version_changes_with_the_approved_words_and_not_with_personal_values(root: Path) -> None:
    message(root, "safety/waiting", "Back {when}. {emergency}.", None)
    library = Library.load(root)
    one, other = (library.render("safety:waiting", "en", None, {"when": when}) for when in ("at 9", "at 10"))
    assert one.text != other.text and one.version == other.version == version_of(one.template)
    assert one.template == f"Back {{when}}. {isolate('999')}."
    with pytest.raises(KeyError):
        library.render("safety:waiting", "en")
    message(root, "safety/waiting", "Back soon, {when}. {emergency}.", None)
    assert Library.load(root).render("safety:waiting", "en", None, {"when": "at 9"}).version != one.version


def test_messages_that_are_kept_are_those_of_the_files(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept")
    Library.load(ROOT, kept)
    again = Library.load(ROOT, kept)
    assert again.messages == Library.load(ROOT).messages
    assert list(again.messages) == list(Library.load(ROOT).messages)


def test_an_edit_of_any_file_of_the_messages_is_seen_at_once(root: Path, tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept")
    message(root, "relax/start-here", "One.", None)
    assert Library.load(root, kept).render("message:relax/start-here", "en").text == "One."
    message(root, "relax/start-here", "Another.", None)
    assert Library.load(root, kept).render("message:relax/start-here", "en").text == "Another."
    message(root, "relax/start-here", "Another.", None, status="approved")
    assert Library.load(root, kept).messages["relax/start-here"].status == "approved"
    (root / "content/messages/relax/start-here/message.yml").unlink()
    assert "relax/start-here" not in Library.load(root, kept).messages


def test_kept_messages_that_are_damaged_or_none_are_read_from_the_files(root: Path, tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept")
    message(root, "relax/start-here", "One.", None)
    Library.load(root, kept)
    (path,) = kept.folder.glob("messages-*")
    path.write_bytes(path.read_bytes().replace(b"One.", b"Two."))
    assert Library.load(root, kept).render("message:relax/start-here", "en").text == "One."
    kept.put("messages", path.read_text(encoding="utf-8").split(" ")[0], [["id", 3]])
    assert Library.load(root, kept).render("message:relax/start-here", "en").text == "One."


def test_a_mistake_in_a_message_is_told_though_messages_are_kept(root: Path, tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept")
    message(root, "relax/start-here", "One.", None)
    Library.load(root, kept)
    (root / "content/messages/relax/start-here/message.yml").write_text("id: relax/start-here\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(DataError, match="this field is missing"):
            Library.load(root, kept)


def test_values_from_a_parent_are_not_read_as_placeholders(root: Path) -> None:
    message(root, "safety/waiting", "Hello {name}.", None)
    assert Library.load(root).render("safety:waiting", "en", None, {"name": "{emergency}"}).text == "Hello {emergency}."


def test_a_source_hash_changes_with_the_words_and_with_the_help_line() -> None:
    hashes = {source_hash("a", None), source_hash("b", None), source_hash("a", "b"), source_hash("a", "c")}
    assert len(hashes) == 4 and all(len(value) == 16 for value in hashes)
    assert source_hash("a", "") == source_hash("a", None)


def test_loading_names_every_mistake_of_every_message_at_once(root: Path) -> None:
    message(root, "relax/one", "Words.", None, blocks="[wonder]")
    message(root, "relax/two", "Words {.", None)
    with pytest.raises(DataError) as error:
        Library.load(root)
    assert {problem.file.split("/")[3] for problem in error.value.problems} == {"one", "two"}


# Strings


@pytest.fixture
def strings(root: Path) -> Strings:
    return Strings.load(root / "locales")


def test_a_string_falls_back_to_english_and_an_unknown_one_is_an_error(strings: Strings) -> None:
    assert strings.get("button.more", "ur") == "مزید"
    assert strings.get("button.more", "pl") == "More"
    assert not strings.has("button.more", "pl") and strings.has("button.more", "ur")
    assert strings.template("button.more", "pl") == ("More", "en")
    with pytest.raises(UnknownString):
        strings.get("button.less", "en")


def test_a_placeholder_without_a_value_is_an_error(strings: Strings) -> None:
    with pytest.raises(KeyError):
        strings.get("menu.intro", "en")


@pytest.mark.parametrize(("count", "words"), [(0, "0 minutes"), (1, "1 minute"), (2, "2 minutes")])
def test_a_plural_takes_the_form_for_its_number(strings: Strings, count: int, words: str) -> None:
    assert strings.plural("wait.minutes", count, "en") == words
    with pytest.raises(UnknownString):
        strings.plural("wait.hours", count, "en")


def test_a_language_with_more_plural_forms_uses_its_own_rule(root: Path) -> None:
    rule = "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
    forms = "".join(f'msgstr[{place}] "{{count}} {form}"\n' for place, form in enumerate(("minuta", "minuty", "minut")))
    header = f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: {rule}\\n"\n\n'
    put(root, "locales/pl/LC_MESSAGES/wren.po", f'{header}#, fuzzy\nmsgid "wait.minutes"\nmsgid_plural "wait.minutes"\n{forms}')
    strings = Strings.load(root / "locales")
    said = [strings.plural("wait.minutes", count, "pl") for count in (1, 3, 5, 22)]
    assert said == ["1 minuta", "3 minuty", "5 minut", "22 minuty"]


def test_several_catalogs_of_a_language_are_read_as_one(root: Path) -> None:
    put(root, "locales/en/LC_MESSAGES/pages.po", 'msgid ""\nmsgstr ""\n\nmsgid "pages.title"\nmsgstr "Wren"\n')
    strings = Strings.load(root / "locales")
    assert (strings.get("pages.title", "en"), strings.get("button.more", "en")) == ("Wren", "More")


@pytest.mark.parametrize(("words", "names"), [("", set()), ("a {b} {c}", {"b", "c"}), ("{b}{b}", {"b"}), ("{{b}}", set())])
def test_it_names_the_placeholders_of_words(words: str, names: set[str]) -> None:
    assert placeholders(words) == names


@pytest.mark.parametrize("words", ["{", "a }", "{b"])
def test_a_broken_brace_is_an_error(words: str) -> None:
    with pytest.raises(ValueError):
        placeholders(words)


def test_words_without_placeholders_are_left_as_they_are() -> None:
    assert fill("100%", {"a": "b"}) == "100%"


# Times


def test_a_time_today_is_the_hour_and_another_day_has_its_name() -> None:
    now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    assert say_time(datetime(2026, 3, 2, 17, 0, tzinfo=UTC), now, "en") == "17:00"
    assert say_time(datetime(2026, 3, 3, 9, 0, tzinfo=UTC), now, "en") == "Tuesday 09:00"
    assert say_time(datetime(2026, 3, 3, 9, 0, tzinfo=UTC), now, "cy") == "Dydd Mawrth 09:00"
    assert say_time(datetime(2026, 3, 8, 9, 0, tzinfo=UTC), now, "en") == "Sunday 09:00"
    assert say_time(datetime(2026, 3, 9, 9, 0, tzinfo=UTC), now, "en") == "Monday 9 March 09:00"
    assert say_time(datetime(2027, 1, 4, 9, 0, tzinfo=UTC), now, "pl") == "poniedziałek 4 stycznia 09:00"
    assert say_time(None, now, "en") == "–"


def test_a_date_has_its_month_in_words() -> None:
    assert say_date(date(2026, 3, 2), "cy") == "2 Mawrth 2026"
    assert say_date(date(2026, 3, 2), "en") == "2 March 2026"
    assert say_day(date(2026, 3, 2), "en") == "Monday, 2 March 2026"
    assert say_day(date(2026, 3, 2), "pl") == "poniedziałek, 2 marca 2026"


# Files


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: 1\nb: [1, 2\nc: 3\n", 3), ("a: 1\n  b: 2\n", 2), ('a: "open\n', 2)],
)
def test_broken_yaml_is_named_with_its_file_and_line(tmp_path: Path, text: str, line: int) -> None:
    put(tmp_path, "content/x.yml", text)
    with pytest.raises(DataError) as error:
        read_yaml(tmp_path / "content/x.yml", tmp_path)
    [problem] = error.value.problems
    assert (problem.file, problem.line) == ("content/x.yml", line)
    assert str(problem).startswith(f"content/x.yml, line {line}: this is not valid YAML")


def test_lines_of_front_matter_are_counted_from_the_top_of_the_file(tmp_path: Path) -> None:
    put(tmp_path, "en.md", "---\na: 1\nb: [\n---\nWords.\n")
    with pytest.raises(DataError) as error:
        read_front_matter(tmp_path / "en.md", tmp_path)
    assert error.value.problems[0].line == 4


@pytest.mark.parametrize("text", ["Words.", "--\na: 1\n---\nWords.", "---\na: 1\nWords.", "---\n- a\n---\nWords."])
def test_words_without_front_matter_are_refused(tmp_path: Path, text: str) -> None:
    put(tmp_path, "en.md", text)
    with pytest.raises(DataError):
        read_front_matter(tmp_path / "en.md", tmp_path)


def test_a_missing_file_and_one_in_another_encoding_are_said_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="this file is missing"):
        read_yaml(tmp_path / "none.yml", tmp_path)
    (tmp_path / "old.yml").write_bytes("é: 1".encode("latin-1"))
    with pytest.raises(DataError, match="not saved as UTF-8"):
        read_yaml(tmp_path / "old.yml", tmp_path)


def test_yaml_without_mistakes_is_read() -> None:
    assert parse_yaml("a: [1, 2]", "x.yml") == {"a": [1, 2]}
