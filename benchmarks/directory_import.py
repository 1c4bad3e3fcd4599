"""How long 10,000 invented services take to be read, compared and written on SQLite: ``python -m benchmarks.directory_import``.

Prints the seconds of the first import, of a dry run that finds nothing to change, and of the import of a feed in which every
tenth service has changed; and of each the processor time, which other work on the machine lengthens less.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from services_directory import ImportOptions, migrate, open_engine, run_import
from services_directory.imports.readers import read_bytes
from tests.services_directory.imports.writer import feed, page

SERVICES = 10_000


def main() -> None:
    """Measure and print."""
    data = feed(SERVICES)
    changed = [item | {"email": "new@example.org"} if number % 10 == 0 else item for number, item in enumerate(data)]
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'directory.sqlite3'}")
        migrate(engine)
        for name, items in (("first import", data), ("the same again", data), ("every tenth changed", changed)):
            content = json.dumps(page(items)).encode()
            begin, worked = time.perf_counter(), time.process_time()
            plan = run_import(engine, read_bytes(content, "feed.json"), ImportOptions(source="measured"))
            took, worked = time.perf_counter() - begin, time.process_time() - worked
            counts = f"{len(plan.services('add'))} added, {len(plan.services('change'))} changed"
            print(f"{name}: {took:.1f} s, {worked:.1f} s of processor time ({counts})", flush=True)


if __name__ == "__main__":
    main()
