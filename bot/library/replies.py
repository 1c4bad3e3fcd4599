"""Ready replies: what a practitioner may send in approved words, from `content/replies/<lang>.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.library.strings import SOURCE_LANGUAGE
from bot.library.yamlfile import DataError, Problem, read_yaml

GROUPS = ("hello", "listening", "safety", "calls", "help", "goodbye")
"""The parts of the list that staff choose from, in its order."""

OWN_PLACEHOLDERS = frozenset({"name", "role", "hours"})
"""First name and job of whoever sends the reply, and the opening hours of their team."""

FOLDER = "content/replies"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyReply:
    """One reply: `title` for staff, the words by language as templates, and the languages whose words are a machine's draft."""

    id: str
    group: str
    title: str
    words: Mapping[str, str]
    drafts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Replies:
    """All ready replies by id, in the order of the English file."""

    by_id: Mapping[str, ReadyReply] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path) -> Replies:
        """Read the files of `content/replies` below `root`. Raises `DataError`."""
        folder = root / FOLDER
        names = sorted({path.stem for path in folder.glob("*.yml")} | {SOURCE_LANGUAGE})
        files = {code: _read(folder / f"{code}.yml", root) for code in names}
        try:
            found = {
                id_: ReadyReply(
                    id=id_,
                    group=str(entry["group"]),
                    title=str(entry["title"]),
                    words={code: str(data["replies"][id_]["words"]) for code, data in files.items() if id_ in data["replies"]},
                    drafts=frozenset(code for code, data in files.items() if data.get("translation") == "machine-draft"),
                )
                for id_, entry in files[SOURCE_LANGUAGE]["replies"].items()
            }
        except (KeyError, TypeError, AttributeError) as error:
            message = f"something is missing or misplaced: {error}."
            raise DataError(
                [Problem(FOLDER, None, "", message, "Each reply has words; in English a group and a title too.")]
            ) from error
        return cls(found)


def _read(path: Path, root: Path) -> dict[str, Any]:
    data = read_yaml(path, root)
    if not isinstance(data, dict) or not isinstance(data.get("replies"), dict):
        name = path.relative_to(root).as_posix()
        raise DataError([Problem(name, None, "replies", "there are no replies.", "Begin the list with `replies:`.")])
    return data
