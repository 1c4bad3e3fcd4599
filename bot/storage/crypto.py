"""Encryption at rest and keyed look-ups.

Words and addresses are encrypted with Fernet (AES-128-CBC and HMAC, rotating keys); an address is found again by a keyed
HMAC-SHA256 of its value, because an encrypted value cannot be searched.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bot.storage.unfit import Unfit

COMING = "next:"
"""Before a key: it opens already and does not seal yet, so that every machine knows it before the first one uses it."""


class KeyMissing(RuntimeError):
    """No key is configured, or none of the configured keys opens a stored value."""


def opening(keys: list[str]) -> list[str]:
    """Every key without its mark, the one that seals first; those that do not seal yet come last."""
    plain = [key for key in keys if not key.startswith(COMING)]
    return plain + [key.removeprefix(COMING) for key in keys if key.startswith(COMING)]


class Keyring:
    """The keys of one installation. `keys` are urlsafe-base64 32-byte Fernet keys, newest first, or such keys marked as `COMING`."""

    def __init__(self, keys: list[str]) -> None:
        plain = [key for key in keys if not key.startswith(COMING)]
        if not plain:
            raise KeyMissing("no encryption key is configured (WREN_SECRET_KEYS)")
        fernets = [_fernet(key, number) for number, key in enumerate(opening(keys), start=1)]
        self._newest, self._fernet = fernets[0], MultiFernet(fernets)
        # The look-up key must outlive rotation: it comes from the oldest key, which is never dropped.
        self._lookup = hashlib.sha256(b"wren address look-up" + plain[-1].encode()).digest()
        self._oldest = plain[-1].encode()

    def seal(self, text: str) -> bytes:
        """Encrypt `text`; the result is about 100 bytes longer."""
        return self._fernet.encrypt(text.encode("utf-8", "surrogatepass"))

    def open(self, sealed: bytes) -> str:
        """Decrypt what `seal` made. Raises `KeyMissing` if no key fits."""
        try:
            return self._fernet.decrypt(sealed).decode("utf-8", "surrogatepass")
        except InvalidToken as error:
            raise KeyMissing("a stored value was sealed with a key that is not configured") from error

    def resealed(self, sealed: bytes) -> bytes | None:
        """The same under the newest key; None if it is already. Raises `KeyMissing` if no key fits."""
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            try:
                return self._fernet.rotate(sealed)
            except InvalidToken as error:
                raise KeyMissing("a stored value was sealed with a key that is not configured") from error
        return None

    def seal_json(self, value: Any) -> bytes:
        """Encrypt a JSON-serialisable value."""
        return self.seal(json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def open_json(self, sealed: bytes) -> Any:
        """Decrypt what `seal_json` made."""
        return json.loads(self.open(sealed))

    def lookup(self, *parts: str) -> str:
        """A keyed hash of `parts`, 64 hex digits: equal parts give equal hashes, and nobody without the key can make one."""
        return hmac.new(self._lookup, "\x1f".join(parts).encode(), hashlib.sha256).hexdigest()

    def hashed(self, purpose: str, *parts: str) -> str:
        """A keyed hash of `parts`, as `lookup` makes, under a key of the purpose's own: hashes for two purposes cannot be compared."""
        key = hashlib.sha256(b"wren " + purpose.encode() + b"\x1f" + self._oldest).digest()
        return hmac.new(key, "\x1f".join(parts).encode(), hashlib.sha256).hexdigest()


def _fernet(key: str, number: int) -> Fernet:
    try:
        return Fernet(key)
    except ValueError as error:
        raise Unfit(f"Key number {number} of WREN_SECRET_KEYS is not one that `bot new-key` makes.") from error


def new_key() -> str:
    """A fresh key, as text for the environment or a key file."""
    return Fernet.generate_key().decode()
