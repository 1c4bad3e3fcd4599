"""Is this request really the gateway's? Either it names a secret in a header, or it signs the raw body with it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "sha256="


def verify(secrets: Sequence[str], raw_body: bytes, header: str | None, *, signed: bool) -> bool:
    """True if `header` is one of our secrets or, if `signed`, the body's HMAC-SHA256 with one (hexadecimal or Base64).

    Constant-time, and every secret is tried whichever fits. An empty secret verifies nothing.
    """
    if not header:
        return False
    said = header.strip().encode("utf-8", "replace")
    fits = False
    for secret in secrets:
        if secret:
            for expected in _signatures(secret, raw_body) if signed else [secret.encode()]:
                fits = hmac.compare_digest(expected, said) or fits
    return fits


def _signatures(secret: str, raw_body: bytes) -> list[bytes]:
    digest = hmac.new(secret.encode(), raw_body, hashlib.sha256)
    hexadecimal = digest.hexdigest()
    return [hexadecimal.encode(), (PREFIX + hexadecimal).encode(), base64.b64encode(digest.digest())]
