"""The staff console with a full queue: `python -m benchmarks.queue [--cases 10000] [--url postgresql+psycopg://…]`.

Fills an empty database (SQLite in a temporary folder, or the one at `--url`) with open cases and asks for each page over ASGI as a signed-in
practitioner. Printed: the median and the 95th percentile in milliseconds with ten cases, with all of them, and the ratio of the medians. The
time of the network and of a browser is not in them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from bot.library import Library
from bot.settings import ROOT
from bot.storage.tables import Case
from tests.console.support import AREA, Browser, Office, build_office

FEW = 10
ASKED = 40
LEVELS = ("emergency", "urgent", "urgent", "concern", "none")
LANGUAGES = ("en", "ur", "cy", "pl")


def fill(office: Office, count: int, staff: list[int]) -> None:
    """`count` further cases of every level and language, one in five claimed."""
    for number in range(count):
        parent = office.parent(
            f"message {number} of somebody who cannot sleep", level=LEVELS[number % 5], language=LANGUAGES[number % 4], area=AREA
        )
        if number % 5 == 0:
            office.change(Case, parent.case_id, state="claimed", staff_id=staff[number % len(staff)])


def timed(browser: Browser, path: str) -> tuple[float, float]:
    """Median and 95th percentile of `ASKED` requests, in milliseconds. Raises RuntimeError for a page that is not there."""
    times = []
    for _ in range(ASKED):
        begun = time.perf_counter()
        answer = browser.get(path)
        times.append(1000 * (time.perf_counter() - begun))
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")
    return statistics.median(times), statistics.quantiles(times, n=20)[18]


def pages(office: Office, case_id: int, last: int) -> dict[str, str]:
    return {
        "unclaimed": "/staff",
        "mine": "/staff?show=mine",
        "all": "/staff?show=all",
        "all, from the middle on": f"/staff?show=all&after={last}",
        "one case": f"/staff/cases/{case_id}",
        "triage marks": "/staff/triage",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--url", help="an empty database; its tables are made")
    asked = parser.parse_args()
    library = Library.load(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        office = build_office(asked.url or f"sqlite:///{folder}/wren.sqlite3", Path(folder), library)
        staff = [office.staff(name, roles=("practitioner", "manager")) for name in ("Ada", "Ben", "Cai")]
        ada = office.browser(staff[0])
        fill(office, FEW, staff)
        case_id = office.parent("the case that is looked at").case_id
        few = {name: timed(ada, path) for name, path in pages(office, case_id, case_id).items()}
        fill(office, asked.cases - FEW, staff)
        middle = case_id + asked.cases // 2
        many = {name: timed(ada, path) for name, path in pages(office, case_id, middle).items()}
        office.services.database.dispose()
    print(f"| page | p50 ms, {FEW} cases | p50 ms, {asked.cases:,} | p95 ms, {asked.cases:,} | ratio |")
    print("| --- | --- | --- | --- | --- |")
    for name in few:
        print(f"| {name} | {few[name][0]:.1f} | {many[name][0]:.1f} | {many[name][1]:.1f} | {many[name][0] / few[name][0]:.1f} |")


if __name__ == "__main__":
    main()
