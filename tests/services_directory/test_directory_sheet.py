"""Files of services: what is wrong with them, and loading them whole or not at all."""

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from services_directory import Directory, Query, load_file, problems
from services_directory import models as tables
from services_directory.demonstration import DEMONSTRATION_FILE
from services_directory.sheet import FileHasProblems, Problem, _Checker, _read

GOOD = """\
source: test
organisations:
  - {id: us, name: Us (example), description: Invented.}
locations:
  - id: hall
    name: Hall (example)
    address: 1 Example Street
    town: Larkmoor
    district: Larkmoor
    postcode: ZZ1 1AA
    latitude: 55.0
    longitude: 2.4
services:
  - id: group
    organisation: us
    name: Group (example)
    description: Toys.
    modes: [go]
    needs: [baby-and-toddler-groups]
    ages: {from: 0, to: 59}
    locations: [hall]
    times:
      - {at: hall, freq: WEEKLY, byday: TU, opens: "10:00", closes: "11:30"}
    phones:
      - {number: "01632 960100"}
    costs:
      - {amount: 1.50}
    approval: approved
    checked: 2026-11-01
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "services.yml"
    path.write_text(text, encoding="utf-8")
    return path


def line_of(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if words in line)


def test_the_demonstration_has_no_problems() -> None:
    assert problems(DEMONSTRATION_FILE) == []


def test_a_good_file_has_no_problems(tmp_path: Path) -> None:
    assert problems(write(tmp_path, GOOD)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "field", "what"),
    [
        ("organisation: us", "organisation: them", "organisation", "no organisation of this id"),
        ("locations: [hall]", "locations: [barn]", "locations", "no location barn"),
        ("needs: [baby-and-toddler-groups]", "needs: [babies]", "needs", "not in the vocabulary"),
        ("needs: [baby-and-toddler-groups]", "needs: []", "needs", "must be a list"),
        ("    needs: [baby-and-toddler-groups]\n", "", "needs", "missing"),
        ("modes: [go]", "modes: [walk]", "modes", "not one of the choices"),
        ("modes: [go]", "modes: go", "modes", "must be a list"),
        ("modes: [go]", "modes: [go, online]", "modes", "no web address"),
        ("modes: [go]", "modes: [go, phone]", "modes", "does not say where they live"),
        ("    locations: [hall]\n", "", "modes", "no location"),
        ("{from: 0, to: 59}", "{from: 59, to: 0}", "ages", "backwards"),
        ("{from: 0, to: 59}", "{from: -40, to: 0}", "ages: from", "not an age in months"),
        ("{from: 0, to: 59}", "{from: 0.5, to: 59}", "ages: from", "not an age in months"),
        ("{from: 0, to: 59}", "0-59", "ages", "made of fields"),
        ("01632 960100", "01632 96", "phones 1: number", "not a phone number"),
        ('"01632 960100"', "1632960100", "phones 1: number", "not a phone number"),
        ("byday: TU", "byday: Tuesday", "times 1: byday", "not days"),
        ("byday: TU, ", "", "times 1: byday", "on what day"),
        ("freq: WEEKLY, byday: TU, ", "", "times 1: dtstart", "on what day"),
        ("byday: TU", "byday: TU, interval: 2", "times 1: interval", "in which week"),
        ('closes: "11:30"', 'closes: "09:30"', "times 1: closes", "before it opens"),
        ('closes: "11:30"', 'closes: "25:30"', "times 1: closes", "not a time"),
        ("at: hall", "at: barn", "times 1: at", "no such location"),
        ("amount: 1.50", "amount: -1", "costs 1: amount", "not an amount"),
        ("postcode: ZZ1 1AA", "postcode: zz11aa", "postcode", "not a whole postcode"),
        ("latitude: 55.0", "latitude: 2.4", "latitude", "no latitude in the UK"),
        ("    longitude: 2.4\n", "", "latitude", "belong together"),
        ("description: Toys.", "description: <b>Toys</b>", "description", "without HTML"),
        ("description: Toys.", "descripton: Toys.", "descripton", "no such field"),
        ("checked: 2026-11-01", "checked: 2999-11-01", "checked", "still to come"),
        ("checked: 2026-11-01", "checked: 1 November", "checked", "not a date"),
        ("approval: approved", "approval: yes please", "approval", "not one of the choices"),
        ("approval: approved", "url: javascript:alert(1)", "url", "not a web address"),
        ("approval: approved", "languages: [Urdu]", "languages", "not the code of a language"),
        ("approval: approved", "email: nobody", "email", "not an e-mail"),
    ],
)
def test_it_says_what_is_wrong_where_and_how_to_mend_it(tmp_path: Path, right: str, wrong: str, field: str, what: str) -> None:
    assert GOOD.count(right) == 1
    text = GOOD.replace(right, wrong)
    found = problems(write(tmp_path, text))
    fitting = [problem for problem in found if problem.field == field and what in problem.what]
    assert fitting, found
    assert fitting[0].file == "services.yml"
    assert fitting[0].mend
    if wrong and not wrong.startswith("modes") and "byday" not in right:
        assert fitting[0].line == line_of(text, wrong.strip())
    assert str(fitting[0]).startswith(f"services.yml, line {fitting[0].line}: ")


def test_it_finds_an_id_that_was_used_before(tmp_path: Path) -> None:
    record = GOOD[GOOD.index("  - id: group") :]
    found = problems(write(tmp_path, GOOD + record))
    assert [(problem.field, "line 14" in problem.what) for problem in found] == [("id", True)]


def test_it_finds_all_problems_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = GOOD.replace("ZZ1 1AA", "nowhere").replace("organisation: us", "organisation: them").replace("TU", "XX")
    found = problems(write(tmp_path, text))
    assert [problem.field for problem in found] == ["postcode", "organisation", "times 1: byday"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no sections"),
        ("- one\n- two\n", "no sections"),
        ("services: {a: b}\nsource: x\n", "list of records"),
        ("services: [one]\nsource: x\n", "list of records"),
        ("service: []\nsource: x\n", "no such section"),
        ("services: []\n", "source is missing"),
        ("source: x\ndefaults: [one]\n", "fields with values"),
        ("a: b\n  c: d\n", "cannot be read as YAML"),
        ("a: [b\n", "cannot be read as YAML"),
        ("a: 1\na: 2\n", "cannot be read"),
        ("\tsource: x\n", "cannot be read"),
    ],
)
def test_a_file_of_another_kind_is_explained(tmp_path: Path, text: str, what: str) -> None:
    found = problems(write(tmp_path, text))
    assert any(what in problem.what for problem in found), found


def test_a_file_that_is_not_utf8_or_not_there_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "latin.yml"
    path.write_bytes("name: Café".encode("latin-1"))
    assert "UTF-8" in problems(path)[0].what
    assert "cannot be opened" in problems(tmp_path / "none.yml")[0].what


def test_a_file_with_a_problem_loads_nothing(tmp_path: Path, engine: Engine) -> None:
    with pytest.raises(FileHasProblems, match=r"1 problems; the first: services\.yml") as caught:
        load_file(engine, write(tmp_path, GOOD.replace("organisation: us", "organisation: them")))
    assert isinstance(caught.value.problems[0], Problem)
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(tables.Organisation)) == 0


def test_a_good_file_is_loaded_and_found(tmp_path: Path, engine: Engine) -> None:
    assert load_file(engine, write(tmp_path, GOOD)) == 1
    found = Directory(engine).search(Query(place="ZZ1 1AA"))
    assert [match.service.name for match in found] == ["Group (example)"]


def test_what_a_file_does_not_call_approved_waits(tmp_path: Path, engine: Engine) -> None:
    load_file(engine, write(tmp_path, GOOD.replace("    approval: approved\n", "")))
    assert Directory(engine).search(Query(place="ZZ1 1AA")) == []
    with Session(engine) as session:
        assert session.scalars(select(tables.Service.approval)).one() == "pending"


def test_an_edited_file_changes_adds_and_takes_away(tmp_path: Path, engine: Engine) -> None:
    load_file(engine, write(tmp_path, GOOD))
    text = GOOD.replace("Toys.", "Songs.").replace("      - {amount: 1.50}\n", "      - {amount: 0}\n")
    text = text.replace("phones:\n", "phones:\n      - {number: '01632 960199'}\n")
    load_file(engine, write(tmp_path, text))
    service = Directory(engine).search(Query(place="ZZ1 1AA"))[0].service
    assert service.description == "Songs."
    assert [str(cost.amount) for cost in service.costs] == ["0.00"]
    assert {phone.number for phone in service.phones} == {"01632 960199", "01632 960100"}
    load_file(engine, write(tmp_path, GOOD))
    service = Directory(engine).search(Query(place="ZZ1 1AA"))[0].service
    assert [phone.number for phone in service.phones] == ["01632 960100"]


def test_only_when_asked_does_it_remove_what_the_file_no_longer_has(tmp_path: Path, engine: Engine) -> None:
    load_file(engine, write(tmp_path, GOOD))
    less = write(tmp_path, GOOD[: GOOD.index("services:")])
    load_file(engine, less)
    assert Directory(engine).search(Query(place="ZZ1 1AA"))
    load_file(engine, less, remove_missing=True)
    assert Directory(engine).search(Query(place="ZZ1 1AA")) == []


def test_two_sources_may_use_the_same_ids(tmp_path: Path, engine: Engine) -> None:
    load_file(engine, write(tmp_path, GOOD))
    load_file(engine, write(tmp_path, GOOD.replace("source: test", "source: other")))
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(tables.Service)) == 2


# ---- The demonstration must never be taken for real


def test_every_name_in_the_demonstration_says_that_it_is_an_example() -> None:
    data, _ = _read(DEMONSTRATION_FILE)
    checker = _Checker("demonstration.yml", data)
    for kind in ("organisations", "services"):
        for _, row in checker._rows(kind):
            assert row["name"].endswith("(example)"), row["name"]
    for _, row in checker._rows("locations"):
        assert row["name"].endswith("(example)") or row["private"], row["name"]
        assert "Example" in row["address"]
        assert re.fullmatch(r"ZZ[12] \d[A-Z]{2}", row["postcode"])
        # East of every coast of Great Britain and west of every coast of the continent.
        assert 54.5 < row["latitude"] < 55.5
        assert 2.2 < row["longitude"] < 3.2


def test_every_number_and_address_in_the_demonstration_is_kept_for_fiction() -> None:
    text = DEMONSTRATION_FILE.read_text(encoding="utf-8")
    data, _ = _read(DEMONSTRATION_FILE)
    numbers = [phone["number"] for row in data["services"] for phone in row.get("phones", [])]
    assert numbers
    assert all(re.fullmatch(r"01632 960\d{3}|07700 900\d{3}|0808 157 0\d{3}", number) for number in numbers)
    assert set(re.findall(r"https?://([^/\s\"]+)", text)) == {"www.example.org"}
    assert set(re.findall(r"@(\S+?)[,}\s]", text)) == {"example.org"}


def test_the_demonstration_has_every_level_mode_and_language_it_promises() -> None:
    data, _ = _read(DEMONSTRATION_FILE)
    services = data["services"]
    assert len(services) >= 60
    assert len(data["organisations"]) == 15
    assert {row.get("level", "universal") for row in services} == set(tables.LEVELS)
    assert {mode for row in services for mode in row["modes"]} == set(tables.MODES)
    assert {"ur", "cy"} <= {code for row in services for code in row.get("languages", [])}
    assert sum(row.get("status") == "temporarily closed" for row in services) == 1
    assert sum(row.get("checked_days_ago", 999) > 90 for row in services) >= 4


def test_a_session_may_go_past_midnight_if_it_begins_in_the_evening_and_round_the_clock(tmp_path: Path) -> None:
    for opens, closes, wrong in (
        ("22:00", "02:00", False),
        ("00:00", "00:00", False),
        ("10:00", "09:30", True),
        ("18:00", "18:00", True),
    ):
        text = GOOD.replace('opens: "10:00"', f'opens: "{opens}"').replace('closes: "11:30"', f'closes: "{closes}"')
        found = problems(write(tmp_path, text))
        assert any("before it opens" in problem.what for problem in found) is wrong, (opens, closes)


EXCEPTIONS = """\
    exceptions:
      - {date: 2026-11-24, kind: cancelled}
      - {time: 1, date: 2026-11-26, kind: extra}
    open_on_bank_holidays: true
    term_time_only: true
"""


def test_exceptions_bank_holidays_and_terms_are_read_and_stay_the_same_when_read_again(engine: Engine, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + EXCEPTIONS)
    assert problems(path) == []
    load_file(engine, path)
    directory = Directory(engine)
    (match,) = directory.search(Query(place="ZZ1 1AA", mode="go"))
    before = directory.revision()
    load_file(engine, path)
    assert directory.revision() == before
    (rule,) = match.service.timetables
    assert (rule.closed_for, rule.term_areas) == (None, ("larkmoor",))
    assert [day.isoformat() for day, _ in rule.cancelled or ()] == ["2026-11-24"]
    assert [item.date.isoformat() for item in rule.extra or ()] == ["2026-11-26"]


def test_an_exception_of_a_line_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    found = problems(write(tmp_path, GOOD + EXCEPTIONS.replace("time: 1", "time: 2").replace("kind: cancelled", "kind: off")))
    assert [problem.field for problem in found] == ["exceptions 1: kind", "exceptions 2: time"]
