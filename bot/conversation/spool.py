"""Where events wait when the store fails: encrypted files, one an event, taken up by the sweep."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.messages import Address, Inbound, Kind
from bot.storage.crypto import KeyMissing, Keyring

log = logging.getLogger(__name__)


class Spool:
    """A folder of encrypted events, oldest first."""

    def __init__(self, folder: Path, keyring: Keyring) -> None:
        self._folder = folder
        self._keyring = keyring

    def write(self, inbound: Inbound, raw: Any) -> Path:
        """Keep one event; it is on the disk when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = asdict(inbound)
        data["sent_at"] = inbound.sent_at.isoformat()
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        temporary, final = self._folder / f".{name}", self._folder / f"{name}.event"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(self._keyring.seal_json({"inbound": data, "raw": raw}))
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(final)
        return final

    def read(self) -> Iterator[tuple[Path, Inbound, Any]]:
        """The waiting events, oldest first. One that cannot be read is put aside as `.unreadable` and holds up no other."""
        for path in sorted(self._folder.glob("*.event")):
            try:
                stored = self._keyring.open_json(path.read_bytes())
                inbound = unpack_inbound(stored["inbound"])
            except FileNotFoundError:  # another process of this machine took it up
                continue
            except (KeyMissing, KeyError, TypeError, ValueError) as error:
                log.error("a spooled event cannot be read (%s); it is put aside", type(error).__name__)
                path.replace(path.with_suffix(".unreadable"))
                continue
            yield path, inbound, stored["raw"]

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def count(self) -> int:
        return len(list(self._folder.glob("*.event")))


def unpack_inbound(data: dict[str, Any]) -> Inbound:
    """An `Inbound` from its stored form."""
    values = {key: value for key, value in data.items() if key != "cut"}
    values["kind"] = Kind(values["kind"])
    values["sent_at"] = datetime.fromisoformat(values["sent_at"])
    values["addresses"] = tuple(Address(**address) for address in values.get("addresses", ()))
    return Inbound(**values)
