"""What an import says: every key that the code names is in the data with its values, nothing there is unused, and it is kept as JSON."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import services_directory
from services_directory.imports.mend import LONGEST_TEXT, text
from services_directory.imports.notes import said, sentences, stored
from services_directory.imports.one_sheet import COLUMNS
from services_directory.imports.questions import why_of
from services_directory.imports.report import english, field_name, in_words
from services_directory.imports.stored import PARTS, SCALARS

CODE = [*(Path(services_directory.__file__).parent / "imports").glob("*.py"), Path(services_directory.__file__).parent / "cli.py"]


def calls() -> Iterator[tuple[str, set[str], str]]:
    """Yield the pattern of the key, the names of the values, and the place of each call of ``said``."""
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "said":
                names = {keyword.arg for keyword in node.keywords if keyword.arg}
                for key in patterns(node.args[0]):
                    yield key, names, f"{path.name}:{node.lineno}"


def patterns(node: ast.expr) -> Iterator[str]:
    """Yield the keys that an expression may be, as patterns."""
    if isinstance(node, ast.Constant):
        yield re.escape(str(node.value))
    elif isinstance(node, ast.JoinedStr):
        yield "".join(re.escape(str(one.value)) if isinstance(one, ast.Constant) else r"\w+" for one in node.values)
    elif isinstance(node, ast.IfExp):
        yield from (*patterns(node.body), *patterns(node.orelse))
    else:
        yield {"again": r"feed\.again\w*", "key": r"field\.\w+"}[ast.unparse(node)]


def placeholders(key: str) -> set[str]:
    whole = " ".join(sentences()[key].values())
    return {name for _, name, _, _ in Formatter().parse(whole) if name}


def test_every_key_in_the_code_has_a_sentence_with_just_these_values() -> None:
    for pattern, names, where in calls():
        found = [key for key in sentences() if re.fullmatch(pattern, key)]
        assert found, f"{where}: {pattern}"
        assert all(placeholders(key) == names for key in found), f"{where}: {pattern}"


def test_every_sentence_is_said_somewhere() -> None:
    known = [pattern for pattern, _, _ in calls()]
    assert [key for key in sentences() if not any(re.fullmatch(pattern, key) for pattern in known)] == []


def test_every_field_that_is_compared_and_every_column_of_the_sheet_has_a_name() -> None:
    fields = {name for kind in SCALARS for name in (*SCALARS[kind], *PARTS[kind])} | {column.key for column in COLUMNS}
    assert sorted(name for name in fields if isinstance(field_name(name), str)) == []


def test_a_sentence_survives_being_stored() -> None:
    one = said(
        "id_twice", id="“a”", first=said("where.line", name="x.csv", number=2), fields=[said("field.url"), said("field.name")]
    )
    kept = json.loads(json.dumps(stored(one)))
    assert kept["said"] == "id_twice" and kept["values"]["first"]["values"] == {"name": "x.csv", "number": 2}
    assert english(kept) == str(one)
    assert "x.csv, line 2 has it too, with other web address; name. If they" in str(one)


def test_a_question_from_before_there_were_keys_keeps_its_words() -> None:
    assert why_of("“sleep” in its name") == "“sleep” in its name"
    assert why_of("12") == "12" and why_of('{"a": 1}') == '{"a": 1}'
    assert why_of(json.dumps(stored(said("alike.phone"))))["said"] == "alike.phone"


def test_several_things_that_were_mended_are_all_said() -> None:
    _, remark = text(f"<b>Songs</b> **for** babies {'la ' * LONGEST_TEXT}")
    assert str(remark) == f"HTML was taken out. Markdown was taken out. It was cut to {LONGEST_TEXT:,} characters."


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        (True, "yes"),
        ([{"location": "x"}, {"location": "y"}], "a place; a place"),
        ([{"number": "1"}, {"number": "2", "type": None}], "1; 2"),
        (["x" * 300], "x" * 199 + "…"),
        (4, "4"),
    ],
)
def test_a_value_is_said_as_a_person_would(value: object, words: str) -> None:
    assert english(stored(in_words(value))) == words
