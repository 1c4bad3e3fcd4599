"""Is this webhook really Meta's?"""

from __future__ import annotations

import hashlib
import hmac

PREFIX = "sha256="


def verify_signature(secret: str, raw_body: bytes, header: str | None) -> bool:
    """True if `header` (`X-Hub-Signature-256`) is the HMAC-SHA256 of the body's raw bytes with the app secret.

    Constant-time in the signature. An empty secret verifies nothing, so that a missing setting cannot open the door.
    """
    if not secret or header is None or not header.startswith(PREFIX):
        return False
    expected = hmac.new(secret.encode(), raw_body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), header.removeprefix(PREFIX).encode("utf-8", "replace"))
