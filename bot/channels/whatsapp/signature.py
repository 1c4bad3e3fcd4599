"""Is this webhook really Meta's?"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "sha256="


def verify_signature(secrets: str | Sequence[str], raw_body: bytes, header: str | None) -> bool:
    """True if `header` (`X-Hub-Signature-256`) is the HMAC-SHA256 of the body's raw bytes with one of the app's secrets.

    Several secrets are for the days in which Meta's is being changed. Constant-time in the signature, and every secret is tried
    whichever fits. An empty secret verifies nothing, so that a missing setting cannot open the door.
    """
    given = [secrets] if isinstance(secrets, str) else list(secrets)
    if header is None or not header.startswith(PREFIX):
        return False
    said = header.removeprefix(PREFIX).encode("utf-8", "replace")
    fits = False
    for secret in given:
        if secret:
            expected = hmac.new(secret.encode(), raw_body, hashlib.sha256).hexdigest().encode()
            fits = hmac.compare_digest(expected, said) or fits
    return fits


def verify_token(wanted: str | None, given: str | None) -> bool:
    """Whether the verify token of a subscription is ours. Constant-time; no token of ours fits nothing."""
    if not wanted or given is None:
        return False
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace"))
