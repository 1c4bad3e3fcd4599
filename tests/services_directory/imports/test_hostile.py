"""Files that no kind person made: a clear word, or rows refused one by one; never a crash, and nothing half done."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services_directory.imports import mend, readers, tabular
from services_directory.imports.forms import Incoming
from services_directory.imports.incoming import read_service
from services_directory.imports.notes import CannotRead
from services_directory.imports.one_sheet import COLUMNS, template, write_sheet
from services_directory.imports.readers import Document, read_bytes
from tests.services_directory.imports.writer import version_three

TODAY = date(2026, 11, 27)
HEADER = "Id,Name,Organisation,Description,Phone"
LINE = "1,Rhymes (example),Larkmoor (example),Songs,01632 960123"


def read(content: bytes | str, name: str = "a.csv") -> list[Incoming]:
    data = content if isinstance(content, bytes) else content.encode()
    return [read_service(document, today=TODAY) for document in read_bytes(data, name).documents]


def notes(found: list[Incoming]) -> str:
    return "\n".join(str(note) for item in found for note in (*item.refused, *item.notes))


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\n{LINE}\n".encode(),
        f"{HEADER}\r\n{LINE}\r\n".encode("utf-8-sig"),
        f"{HEADER}\n{LINE}\n".encode("utf-16"),
        f"sep=;\n{HEADER}\n{LINE}\n".replace(",", ";").encode(),
        f"{HEADER}\n{LINE}\n".replace(",", "\t").encode(),
        f"\n\n{HEADER}\n\n,,,,\n{LINE}\n\n".encode(),
        f"{HEADER.upper()}\n{LINE}".encode(),
    ],
)
def test_every_way_in_which_excel_saves_is_read(content: bytes) -> None:
    (item,) = read(content)
    assert (item.name, item.refused) == ("Rhymes (example)", [])
    assert item.form["phones"][0]["number"] == "01632 960123"


def test_windows_letters_are_read_and_said_so() -> None:
    (item,) = read(f"{HEADER}\n{LINE.replace('Rhymes', 'Café')}\n".encode("cp1252"))
    assert item.name == "Café (example)" and "Windows-1252" in notes([item])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"\xff\xfe\x00", "UTF-16"),
        (b"Name,Organisation\n\x81\x8d\xff,x", "encoding that cannot be told"),
        (b"Name,Organisation,Name\nA,B,C", "mean the same: Name"),
        (b"Name,Title,Organisation\nA,B,C", "mean the same: Name, Title"),
        (b"Nom,Organisation\nA,B", "no column Name"),
        (b"\x00\x00\x00\x01\x00\x00\x02\x00\x00", "not text"),
        (b"%PDF-1.4", "neither JSON"),
        (b"[1,", "not valid JSON"),
        (b'{"a": 1}', "no list of services"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" + b"9" * 10_000 + b"]", "far too long"),
        (b"PK\x03\x04nonsense", "damaged"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_how_to_mend_it(content: bytes, words: str) -> None:
    with pytest.raises(CannotRead, match=words) as refused:
        read(content)
    assert refused.value.note.mend


def test_a_million_rows_are_refused_with_a_clear_word() -> None:
    content = (HEADER + "\n" + "1,a,b,c,d\n" * 1_000_000).encode()
    with pytest.raises(CannotRead, match="more than 50,000 rows"):
        read(content)
    with pytest.raises(CannotRead, match="more than 50,000 services"):
        read(json.dumps([{}] * 50_001), "a.json")


def test_formulas_are_left_out_and_go_out_harmless() -> None:
    (item,) = read(f'{HEADER}\n1,Rhymes (example),Larkmoor,"=HYPERLINK(""http://x"")",=1+1\n')
    assert item.form["description"] is None and item.form["phones"] == [] and "holds a formula" in notes([item])
    sheet = write_sheet([{"name": "=1+1", "organisation": "@x", "description": "-x", "phone": "+44 1632 960123"}])
    assert "'=1+1" in sheet and "'@x" in sheet and "'-x" in sheet and "'+44" in sheet
    (back,) = read(sheet)
    assert back.form["phones"][0]["number"] == "+44 1632 960123"


def test_a_ragged_row_is_refused_and_the_others_are_taken() -> None:
    found = read(f"{HEADER}\n{LINE},more,and more\n2{LINE[1:]}\n")
    assert [bool(item.refused) for item in found] == [True, False]
    assert "line 2" in notes(found[:1]) and "more cells" in notes(found[:1])


def test_nul_characters_are_taken_out_and_said_so() -> None:
    (item,) = read(f"{HEADER}\n{LINE}\n".replace("Songs", "So\x00ngs"))
    assert item.form["description"] == "Songs" and "NUL" in notes([item])


def test_a_zip_bomb_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabular, "MAX_UNPACKED", 1_000_000)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("services.csv", "id,name\n" + "0" * 50_000_000)
    assert len(out.getvalue()) < 100_000
    with pytest.raises(CannotRead, match="larger than"):
        read(out.getvalue(), "a.zip")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(201):
            archive.writestr(f"{number}.csv", "")
    with pytest.raises(CannotRead, match="more than 200 files"):
        read(out.getvalue(), "a.zip")


def test_the_template_is_right_as_it_stands() -> None:
    (item,) = read(template())
    assert not item.refused and not item.notes


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_at_all_give_rows_or_a_clear_word(content: bytes) -> None:
    for data in (content, HEADER.encode() + b"\n" + content, b"PK\x03\x04" + content, b"[" + content):
        try:
            read(data)
        except CannotRead:
            continue


CELL = st.one_of(st.text(max_size=30), st.sampled_from(["=1+1", "\x00", "1e999", "﷽" * 30, "0", "-1", "<b>", "NaN", "\ud800"]))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(CELL, max_size=len(COLUMNS) + 2), max_size=6))
def test_any_cells_at_all_are_read_or_refused_row_by_row(rows: list[list[str]]) -> None:
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    content = "\n".join([",".join(column.header for column in COLUMNS), *lines])
    try:
        found = read(content.encode("utf-8", "surrogatepass"))
    except CannotRead:
        return
    for item in found:
        assert item.refused or (item.name and item.source_id)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.just("9" * 400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=250, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(version_three(1))), JSON, max_size=8), st.integers(0, 200))
def test_whatever_a_field_holds_the_rest_of_the_service_is_read(fields: dict[str, Any], number: int) -> None:
    item = read_service(Document("x", version_three(number) | fields), today=TODAY)
    assert item.refused or item.form["name"]
    json.dumps(item.form, allow_nan=False).encode()


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=80)
    | st.sampled_from(["&amp;lt;b&amp;gt;x", "**a** *b* `c`", "[a](https://x.org)", "# a\n* b", "AT&T <3", "-\x1b"])
)
def test_mending_a_text_twice_is_mending_it_once(text: str) -> None:
    once, _ = mend.text(text)
    assert mend.text(once)[0] == once


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (mend.day, "2024-11-26T00:00:00", "2024-11-26"),
        (mend.day, "26/11/2024", "2024-11-26"),
        (mend.day, "31/02/2024", None),
        (mend.clock, "9.30am", "09:30:00"),
        (mend.clock, "12pm", "12:00:00"),
        (mend.clock, "25:00", None),
        (mend.postcode, "zz12ab", "ZZ1 2AB"),
        (mend.postcode, "ZZ1 OAB", "ZZ1 0AB"),
        (mend.postcode, "nowhere", None),
        (mend.email, "info @example.org ", "info@example.org"),
        (mend.web, "www.example.org", "https://www.example.org"),
        (mend.web, "javascript:alert(1)", None),
        (mend.amount, "£3.50 per session", "3.50"),
        (mend.amount, "Free", "0.00"),
        (mend.amount, "£3 to £5", None),
        (mend.amount, "-4", None),
    ],
)
def test_values_are_mended_where_that_is_certain_and_no_further(read: Any, value: str, expected: str | None) -> None:
    found, remark = read(value)
    assert (None if found is None else str(found)) == expected
    assert remark or found is not None


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 4, (0, 59)), (0, 99, (None, None)), (0, 120, (None, None)), (0.5, 2, (6, 35)), (3, 1, (None, None)), ("0", "5", (0, 71)),
     (None, None, (None, None)), (0, 0, (None, None)), ("x", None, (None, None))],
)  # fmt: skip
def test_ages_in_years_become_months(low: Any, high: Any, expected: tuple[int | None, int | None]) -> None:
    assert mend.ages(low, high)[:2] == expected


def test_numbers_with_words_keep_both() -> None:
    assert mend.phones("Tel: 01632 960001 (mornings)")[0] == [("01632 960001", None, "Tel mornings")]
    assert [number for number, _, _ in mend.phones("01632960001 or 07700 900001")[0]] == ["01632960001", "07700 900001"]
    assert mend.phones("01632 960001 ext 12")[0][0][:2] == ("01632 960001", 12)
    assert mend.phones("0800 1111")[0][0][0] == "0800 1111"
    assert mend.phones("ask inside")[0] == [] and readers.MAX_SERVICES == 50_000
