"""What there is to say about what came in: one note a thing, with where it is and how to mend it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """``where`` is the file or address with its row or place; ``record`` the service's name or id; ``field`` may be empty."""

    where: str
    record: str
    field: str
    what: str
    mend: str = ""

    def __str__(self) -> str:
        """Return the note in one line."""
        named = ", ".join(part for part in (self.where, self.record, self.field) if part)
        return f"{named}: {self.what} {self.mend}".rstrip()


class CannotRead(ValueError):
    """Nothing of a file or feed was taken. ``note`` says why, and how to mend it."""

    def __init__(self, where: str, what: str, mend: str) -> None:
        """Keep the note."""
        self.note = Note(where, "", "", what, mend)
        super().__init__(str(self.note))
