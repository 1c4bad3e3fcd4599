"""Words of buttons and pages at the desk: what may be changed, what is checked, how they reach parents and the files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from babel.messages.plurals import get_plural

from bot.desk import checks, interface, listing, store, writeback
from bot.desk.catalogs import with_entry
from bot.desk.exchange import export, read
from bot.desk.listing import Asked
from bot.desk.published import PublishedWords
from bot.desk.store import Refusal, Texts
from bot.library import Library, check_strings
from bot.library.check_files import Tree
from bot.library.left_to_files import LeftToFiles, problems
from bot.library.strings import Strings, fill
from bot.library.written import Written
from bot.library.yamlfile import DataError, Problem
from bot.settings import ROOT
from bot.storage.engine import Database
from bot.sweep import Sweep
from bot.wiring import Parts
from tests.desk.support import EDITOR, LEAD, SECOND, TRANSLATOR, Desk

FIND, CONTACT = "text:button.find", "text:services.phone"


@pytest.fixture
def words(desk: Desk) -> Desk:
    """The desk with the title of a button before it."""
    desk.content_id = FIND
    return desk


def wrong(desk: Desk, body: str, language: str = "en", content_id: str = FIND) -> list[str]:
    one = Written(
        body, None, "machine-draft", None if language == "en" else checks.live(desk.texts.library, content_id, "en").hash
    )  # type: ignore[union-attr]
    return [problem.message for problem in checks.problems(desk.texts.library, desk.texts.tree, content_id, language, one)]


def test_a_published_title_is_what_every_process_says_and_going_back_takes_it_away(words: Desk, library: Library) -> None:
    elsewhere = library.overlaid(PublishedWords(words.database))
    words.whole_way(body="Find help close by")
    assert words.texts.library.strings.get("button.find", "en") == "Find help close by"
    assert elsewhere.strings.get("button.find", "en") == "Find help near me"  # until it looks
    elsewhere.refresh()
    assert elsewhere.strings.get("button.find", "en") == "Find help close by" == elsewhere.render("text:button.find", "en").text
    assert library.strings.get("button.find", "en") == "Find help near me"
    with store.changing(words.database, words.texts) as session:
        store.withdraw(session, LEAD, FIND, "en")
    assert words.texts.library.strings.get("button.find", "en") == "Find help near me"


def test_a_translation_goes_its_way_by_its_own_roles(words: Desk) -> None:
    version = words.save(TRANSLATOR, "ur", body="مدد ڈھونڈیں")
    words.send(version, TRANSLATOR)
    with pytest.raises(Refusal, match="own"):
        words.approve(version, TRANSLATOR)
    words.approve(version, SECOND, native=True)
    words.publish(version)
    assert words.texts.library.strings.get("button.find", "ur") == "مدد ڈھونڈیں"
    assert words.live("ur").translation == "native-reviewed"


def test_new_english_makes_the_translations_of_the_files_out_of_date(words: Desk) -> None:
    assert not checks.is_stale(words.texts.library, FIND, words.live("pl"))
    words.whole_way(body="Find help close by")
    assert checks.is_stale(words.texts.library, FIND, words.live("pl"))
    with words.database.read() as session:
        stale = listing.find(session, words.texts.library, EDITOR, Asked(kind="strings", show="stale", language="pl"))
    assert [one.content_id for one in stale] == [FIND] and stale[0].topic == "wren"
    words.whole_way("pl", body="Pomoc blisko mnie")
    assert not checks.is_stale(words.texts.library, FIND, words.live("pl"))


def test_the_same_meaning_carries_the_translations_over(words: Desk) -> None:
    words.whole_way(body="Find help near me!", same_meaning=True)
    assert not any(checks.is_stale(words.texts.library, FIND, words.live(code)) for code in ("pl", "ur", "cy"))


def test_the_checks_know_lengths_placeholders_and_letters(desk: Desk) -> None:
    assert wrong(desk, "Find help near me") == []
    assert wrong(desk, "Find some help near me") == ["the title is 22 characters long."]
    assert wrong(desk, "Find\nhelp") == ["a title is one line."]
    assert wrong(desk, "") == ["there are no words."]
    assert wrong(desk, "Ring: {value}", content_id=CONTACT) == []
    assert wrong(desk, "Ring", content_id=CONTACT) == ["{value} is missing."]
    assert wrong(desk, "Ring {value} {name}", content_id=CONTACT) == ["{name} is not in the English."]
    assert wrong(desk, "Ring {value", content_id=CONTACT)[0].startswith("a brace is open")
    assert wrong(desk, "Ring 0117 496 0123: {value}", content_id=CONTACT) == ["the number 0117 496 0123 stands in the words."]
    assert "U+064A" in wrong(desk, "يہاں", "ur")[0]


def test_a_string_with_something_wrong_is_kept_and_goes_no_further(words: Desk) -> None:
    version = words.save(body="Find some help near me")
    with pytest.raises(Refusal, match="checks") as refused:
        words.send(version)
    assert refused.value.problems[0].mend == "Cut it to 20: more is not shown."
    assert words.texts.library.strings.get("button.find", "en") == "Find help near me"


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("help_now", "safety"),
        ("notice.first", "safety"),
        ("webchat.talk_now", "safety"),
        ("person.coming", "safety"),
        ("series.agree", "consent"),
        ("pages.p_kept_1", "consent"),
        ("find.words", "read_by_wren"),
        ("webchat.menu_words", "read_by_wren"),
        ("button.find", None),
        ("pages.lead", None),
    ],
)
def test_what_keeps_somebody_safe_is_left_to_the_files(desk: Desk, key: str, why: str | None) -> None:
    content_id = f"text:{key}"
    assert interface.left(desk.texts.library, content_id) == why
    assert checks.editable(desk.texts.library, content_id) == (why is None)


def test_no_string_that_names_a_helpline_or_is_for_staff_is_at_the_desk(desk: Desk) -> None:
    library = desk.texts.library
    for content_id in interface.ids(library):
        words = checks.live(library, content_id, "en")
        assert words is not None and not any(f"{{{name}}}" in words.body for name in library.helplines.placeholders)
        assert not content_id.startswith(("text:console.", "text:provider."))
    desk.content_id = "text:help_now"
    with pytest.raises(Refusal, match="missing"):
        desk.save(body="Help.")


def test_nothing_is_open_to_change_where_no_list_says_what_is_left(tmp_path: Path) -> None:
    assert LeftToFiles.load(tmp_path).why("button.find", "Find", ()) == "safety"
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "desk.yml").write_text("left_to_files:\n  safety:\n    - helpnow\n", encoding="utf-8")
    (problem,) = problems(tmp_path, {"help_now"})
    assert str(problem).startswith("content/desk.yml, line 3, helpnow: no string has this name")
    (tmp_path / "content" / "desk.yml").write_text("left_to_files:\n  whim: []\n", encoding="utf-8")
    with pytest.raises(DataError, match="no reason of this name"):
        LeftToFiles.load(tmp_path)


def test_published_words_step_back_where_the_file_s_string_has_fewer_placeholders(desk: Desk) -> None:
    desk.content_id = CONTACT
    desk.whole_way(body="Ring: {value}")
    strings = desk.texts.library.strings
    assert strings.get("services.phone", "en", value="1") == "Ring: 1"
    key = ("services.phone", "en")
    strings.entries = {**strings.entries, key: type(strings.entries[key])("wren", ("Phone",), False, False)}
    assert strings.get("services.phone", "en", value="1") == "Phone: 1"


def test_a_process_without_workers_takes_them_up_within_a_sweep(parts: Parts) -> None:
    """Its pages are made of strings, and no turn of a parent's makes it look."""
    elsewhere = parts.library.overlaid(PublishedWords(parts.database))
    Desk(parts.database, Texts(elsewhere, Tree(ROOT)), FIND).whole_way(body="Find help close by")
    assert parts.library.strings.get("button.find", "en") == "Find help near me"
    Sweep(parts, housekeeping=False)._look()
    assert parts.library.strings.get("button.find", "en") == "Find help close by"


# Files


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("content", "locales"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def found_in(root: Path) -> list[Problem]:
    return [problem for problem in check_strings.problems(Tree(root)) if problem.file.startswith("locales")]


def test_what_is_published_is_written_into_the_catalogs_and_nothing_else_changes(
    tree: Path, library: Library, bare_sqlite_address: str
) -> None:
    database = Database(bare_sqlite_address)
    desk = Desk(database, Texts(library.overlaid(PublishedWords(database)), Tree(tree)), FIND)
    desk.whole_way(body="Find help “close by”")
    desk.whole_way("ur", body="مدد ڈھونڈیں")
    with database.read() as session:
        found = writeback.files(session, desk.texts.library, tree)
    paths = {f"locales/{code}/LC_MESSAGES/wren.po" for code in ("en", "ur")}
    assert {file.path for file in found} == paths and not any(file.is_overtaken for file in found)
    before = {path: (tree / path).read_text(encoding="utf-8").split("\n") for path in paths}
    writeback.write(tree, found)
    for path in paths:
        after = (tree / path).read_text(encoding="utf-8").split("\n")
        assert sum(one != other for one, other in zip(before[path], after, strict=True)) == 1
    assert found_in(tree) == []
    again = Strings.load(tree / "locales")
    assert again.get("button.find", "en") == "Find help “close by”" and again.get("button.find", "ur") == "مدد ڈھونڈیں"
    with database.read() as session:
        assert writeback.files(session, desk.texts.library, tree) == []
    database.dispose()


def test_a_checked_translation_of_older_english_is_fuzzy_in_the_file(tree: Path, bare_sqlite_address: str) -> None:
    path = tree / "locales" / "pl" / "LC_MESSAGES" / "wren.po"
    text = path.read_text(encoding="utf-8").replace('#, fuzzy\nmsgid "button.find"\n', 'msgid "button.find"\n')
    path.write_text(text, encoding="utf-8")
    database = Database(bare_sqlite_address)
    library = Library.load(tree)
    desk = Desk(database, Texts(library.overlaid(PublishedWords(database)), Tree(tree)), FIND)
    assert desk.live("pl").translation == "native-reviewed"
    desk.whole_way(body="Find help close by")
    with database.read() as session:
        writeback.write(tree, writeback.files(session, desk.texts.library, tree))
    assert '#, fuzzy\nmsgid "button.find"\n' in path.read_text(encoding="utf-8")
    database.dispose()


def test_an_entry_is_changed_added_and_keeps_its_notes() -> None:
    catalog = (
        'msgid ""\nmsgstr ""\n"Language: pl\\n"\n\n# A note.\n#, fuzzy\nmsgid "a"\nmsgstr "b"\n\nmsgid "c"\nmsgstr ""\n"d"\n'
    )
    one = Written('e "f"\ng', None, "native-reviewed", None)
    changed = with_entry(catalog, "a", one, is_draft=False)
    assert changed == catalog.replace('#, fuzzy\nmsgid "a"\nmsgstr "b"', 'msgid "a"\nmsgstr "e \\"f\\"\\ng"')
    assert with_entry(catalog, "c", one, is_draft=True).endswith('\n\n#, fuzzy\nmsgid "c"\nmsgstr "e \\"f\\"\\ng"\n')
    assert with_entry(catalog, "n", one, is_draft=True) == catalog + '\n#, fuzzy\nmsgid "n"\nmsgstr "e \\"f\\"\\ng"\n'


# Plural forms: parents' strings have none today; a catalog of its own shows that the desk knows them.


@pytest.fixture
def plural(tree: Path, bare_sqlite_address: str) -> Desk:
    for code in ("en", "pl"):
        number = get_plural(code).num_plurals
        path = tree / "locales" / code / "LC_MESSAGES" / "wren.po"
        forms = "".join(f'msgstr[{place}] "{{count}} x{place}"\n' for place in range(number))
        path.write_text(f'{path.read_text(encoding="utf-8")}\nmsgid "x.many"\nmsgid_plural "x.many"\n{forms}', encoding="utf-8")
    database = Database(bare_sqlite_address)
    library = Library.load(tree)
    return Desk(database, Texts(library.overlaid(PublishedWords(database)), Tree(tree)), "text:x.many")


def test_plural_forms_stand_one_a_line_and_each_language_has_its_own_number(plural: Desk, tree: Path) -> None:
    assert interface.forms(plural.texts.library, "text:x.many", "pl") == 3
    assert wrong(plural, "{count} kot\n{count} koty", "pl", "text:x.many") == ["it has 2 plural forms."]
    plural.whole_way("pl", body="{count} kot\n{count} koty\n{count} kotów")
    strings = plural.texts.library.strings
    assert [strings.plural("x.many", number, "pl") for number in (1, 3, 5)] == ["1 kot", "3 koty", "5 kotów"]
    with plural.database.read() as session:
        (file,) = writeback.files(session, plural.texts.library, tree)
    assert file.text.endswith(
        'msgid_plural "x.many"\nmsgstr[0] "{count} kot"\nmsgstr[1] "{count} koty"\nmsgstr[2] "{count} kotów"\n'
    )


# Translators' files


@pytest.mark.parametrize("form", ["po", "csv"])
def test_strings_are_in_translators_files_with_the_length_of_titles(desk: Desk, form: str) -> None:
    content = export(desk.texts.library, "ur", form)
    (row,) = [row for row in read(content) if row.content_id == FIND]
    assert row.body == desk.texts.library.strings.get("button.find", "ur")
    assert form == "csv" or "#. at most 20 characters" in content
    assert fill(row.body, {}) == row.body and "text:help_now" not in content
