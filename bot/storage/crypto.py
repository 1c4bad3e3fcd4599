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


class KeyMissing(RuntimeError):
    """No key is configured, or none of the configured keys opens a stored value."""


class Keyring:
    """The keys of one installation. `keys` are urlsafe-base64 32-byte Fernet keys, newest first."""

    def __init__(self, keys: list[str]) -> None:
        if not keys:
            raise KeyMissing("no encryption key is configured (WREN_SECRET_KEYS)")
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        # The look-up key must outlive rotation: it comes from the oldest key, which is never dropped.
        self._lookup = hashlib.sha256(b"wren address look-up" + keys[-1].encode()).digest()
        self._oldest = keys[-1].encode()

    def seal(self, text: str) -> bytes:
        """Encrypt `text`; the result is about 100 bytes longer."""
        return self._fernet.encrypt(text.encode("utf-8", "surrogatepass"))

    def open(self, sealed: bytes) -> str:
        """Decrypt what `seal` made. Raises `KeyMissing` if no key fits."""
        try:
            return self._fernet.decrypt(sealed).decode("utf-8", "surrogatepass")
        except InvalidToken as error:
            raise KeyMissing("a stored value was sealed with a key that is not configured") from error

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


def new_key() -> str:
    """A fresh key, as text for the environment or a key file."""
    return Fernet.generate_key().decode()
