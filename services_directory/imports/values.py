"""Single values of one document, and what there is to say of them: the part of ``incoming`` that all others use."""

from collections.abc import Callable, Mapping
from typing import Any

from services_directory.imports import mend
from services_directory.imports.forms import Incoming, encode
from services_directory.imports.mend import Mended, shortened
from services_directory.imports.notes import Note, Said, said
from services_directory.imports.readers import Document

MOST_PARTS = 200
LONGEST_ID = 200


class Values:
    """The values of one document. What is refused, mended or left out is noted in ``out``."""

    def __init__(self, document: Document) -> None:
        """``document`` may hold anything at all."""
        self.out = Incoming(document.where)
        self.data: Mapping[str, Any] = document.data if isinstance(document.data, dict) else {}
        self.is_object = isinstance(document.data, dict)

    # ---- saying ----

    def refuse(self, name: str, why: Said) -> None:
        """Say why the service cannot be taken, of a field."""
        self.out.refused.append(Note(self.out.where, self.record, name, why))

    def remark(self, name: str, what: Said | None) -> None:
        """Say what was mended or left out, of a field, if anything was."""
        if what and len(self.out.notes) < MOST_PARTS:
            self.out.notes.append(Note(self.out.where, self.record, name, what))

    @property
    def record(self) -> str:
        """What the service is called in what is said of it."""
        return shortened(self.out.name) if self.out.name else self.out.source_id[:60]

    # ---- single values ----

    def take(self, name: str, mended: Mended) -> Any:
        """Return a value that was mended, and say what there is to say of it."""
        self.remark(name, mended[1])
        return mended[0]

    def text(self, holder: Mapping[str, Any], key: str, longest: int = mend.LONGEST_TEXT, *, name: str = "") -> str | None:
        """Return plain text. ``name``: the field that it is said of, if not ``key``."""
        value = holder.get(key)
        if isinstance(value, dict | list) and value:
            self.remark(name or key, said("left_out.text"))
        found: str | None = self.take(name or key, mend.text(value, longest))
        return found

    def valued(self, holder: Mapping[str, Any], key: str, read: Callable[[Any], Mended], *, name: str = "") -> Any:
        """Return a value as ``read`` mends it, as plain JSON."""
        return encode(self.take(name or key, read(holder.get(key))))

    def choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        """Return which of the choices the document has."""
        given = mend.written(self.data.get(key))
        if given is None:
            return None
        word = given.casefold().replace("_", " ")
        if word in choices:
            return word
        self.remark(key, said("left_out.choice", value=shortened(given), choices=", ".join(choices)))
        return None

    def rows(self, holder: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        """Return the records of a list, or the one that stands for a list of one."""
        value = holder.get(key)
        if value is None or value == "":
            return []
        listed = value if isinstance(value, list) else [value]
        found: list[Mapping[str, Any]] = [row for row in listed if isinstance(row, dict)]
        if len(found) < len([row for row in listed if row is not None]):
            self.remark(key, said("left_out.records"))
        if len(found) > MOST_PARTS:
            self.remark(key, said("left_out.too_many", most=MOST_PARTS))
        return found[:MOST_PARTS]


def text_id(value: Any) -> str:
    """Return an id as text; empty if it is none."""
    return str(value).encode("utf-8", "ignore").decode().replace("\x00", "").strip() if isinstance(value, str | int) else ""


def is_object(holder: Mapping[str, Any], key: str) -> bool:
    """Tell whether a field holds a record."""
    return isinstance(holder.get(key), dict)
