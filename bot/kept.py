"""What was worked out from files, kept in a folder, so that the next start need not work it out again.

Nothing may depend on it. A value is found only under a hash of everything that it was made from, and is used only if the file holds,
byte for byte, what was written; else it is as if it were not there, and the caller works it out anew. Values are JSON, in which
nothing can run when it is read.
"""

import hashlib
import json
import logging
import os
import sys
import unicodedata
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ruamel.yaml

log = logging.getLogger(__name__)
_MOST_VERSIONS = 3
"""Of each name, for checkouts that share a folder and for a quick way back."""


def key_of(parts: Iterable[bytes]) -> str:
    """A hash of the parts, and of what reads them: Python, its Unicode, and the YAML reader."""
    digest = hashlib.sha256(f"{sys.version_info[:3]} {unicodedata.unidata_version} {ruamel.yaml.__version__}".encode())
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


class Kept:
    """A folder of kept values; many processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, name: str, key: str) -> Any:
        """The value kept under this name and key; None where there is none, or where the file is not as it was written."""
        path = self._path(name, key)
        try:
            written = path.read_bytes()
        except OSError:
            return None
        head, _, body = written.partition(b"\n")
        if head != _head(key, body):
            log.warning("kept: %s is not as it was written and is made anew", path.name)
            return None
        return json.loads(body)

    def put(self, name: str, key: str, value: Any) -> None:
        """Keep a value that JSON can say, written whole or not at all. A folder that cannot be written to is no error."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        path = self._path(name, key)
        new = path.with_name(f"{path.name}.{uuid.uuid4().hex}.new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                new.write_bytes(_head(key, body) + b"\n" + body)
                os.replace(new, path)
            finally:
                new.unlink(missing_ok=True)
            self._forget_old(name, path)
        except OSError as error:
            log.warning("kept: %s cannot be written (%s)", path.name, type(error).__name__)

    def _path(self, name: str, key: str) -> Path:
        return self.folder / f"{name}-{key[:16]}.json"

    def _forget_old(self, name: str, newest: Path) -> None:
        others = [path for path in self.folder.glob(f"{name}-{'?' * 16}.json") if path != newest]
        others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in others[_MOST_VERSIONS - 1 :]:
            path.unlink(missing_ok=True)


def _head(key: str, body: bytes) -> bytes:
    return f"{key} {hashlib.sha256(body).hexdigest()}".encode()
