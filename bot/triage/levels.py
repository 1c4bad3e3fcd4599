"""The four levels, and what an assessment says."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How soon a person is needed, from least to most."""

    NONE = "none"
    CONCERN = "concern"
    URGENT = "urgent"
    EMERGENCY = "emergency"

    @property
    def rank(self) -> int:
        """0 for none, up to 3 for emergency."""
        return _RANKS[self]

    def at_least(self, other: "Level") -> bool:
        """Is this level as high as the other, or higher?"""
        return self.rank >= other.rank

    def capped(self, ceiling: "Level") -> "Level":
        """This level, or the ceiling where that is lower."""
        return self if self.rank <= ceiling.rank else ceiling

    @classmethod
    def highest(cls, *levels: "Level") -> "Level":
        """The highest of the levels given; none when there are none."""
        return max(levels, key=lambda level: level.rank, default=cls.NONE)


_RANKS = {level: rank for rank, level in enumerate(Level)}


# What sort of danger: it decides which safety text and which helplines are shown.
KINDS = ("suicide", "self-harm", "harm-to-child", "abuse", "child-at-risk", "writer-child", "psychosis", "medical")


@dataclass(frozen=True, slots=True)
class Reason:
    """One cause of a level: `by` is `rule:<id>`, `model:<language>`, `together:<by>` or `further:<name>`; `words` are the
    writer's own; `kind` is one of KINDS, or None where that is not known."""

    level: Level
    by: str
    words: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was decided about one message: its level, why, in which language, and in how many milliseconds."""

    level: Level
    reasons: tuple[Reason, ...]
    lang: str
    ms: float
