"""`bot reseal`: what it does with the keys of the settings, and which of them nothing needs any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from bot.settings import Settings
from bot.storage.crypto import COMING, Keyring
from bot.storage.engine import Database
from bot.storage.reseal import reseal


def report(settings: Settings, database: Database, out: TextIO, say: Callable[[str], None]) -> int:
    """Reseal, and write what was done and which keys may go; 0 when nothing is left under an older key. Blocking."""
    keys = settings.keys()
    done = reseal(database, Keyring(keys), lambda name, number: say(f"{name}: {number}"))
    for name, number in done.changed.items():
        print(f"{name}: {number} sealed anew", file=out)
    for name, number in done.unreadable.items():
        print(f"{name}: {number} that none of these keys opens; they were left as they are", file=out)
    if not done.clean:
        print("Something seals with an older key at this moment: give every machine the same keys and begin again.", file=out)
        return 1
    print("In the database nothing that these keys open is sealed with an older key.", file=out)
    waiting = len(list(settings.spool_dir.glob("*.event"))) + len(list(settings.spool_dir.glob("*.unreadable")))
    if waiting:
        print(
            f"{waiting} events wait in {settings.spool_dir} and may need an older key; nothing may be taken away yet.", file=out
        )
        return 1
    print(which_may_go(keys), file=out)
    return 1 if done.unreadable else 0


def which_may_go(keys: list[str]) -> str:
    """Which keys of WREN_SECRET_KEYS nothing in the database needs, by their places in it: a key is never written out."""
    plain = [place for place, key in enumerate(keys, start=1) if not key.startswith(COMING)]
    old = plain[1:-1]
    stays = f"The last one, number {plain[-1]}, finds addresses and stays for ever."
    if not old:
        return f"No key is left over. {stays}"
    places = ", ".join(str(place) for place in old)
    return (
        f"Of WREN_SECRET_KEYS, number {places} may be taken away on every machine, once spool/ is empty on each of them and no copy "
        f"is kept that was made before now. {stays}"
    )
