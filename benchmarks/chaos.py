"""Machines that die, in full size: `python -m benchmarks.chaos [--people 500] [--messages 10000] [--workers 2] [--servers 2] [--kills 6]`.

Web servers and workers are processes on this machine with folders of their own, on a PostgreSQL that is started for it; the last worker's
clock is 40 s ahead. Workers, servers and PostgreSQL die by SIGKILL at points spread over the messages. Exit status 1, with the reason, if a
message is lost, doubled or out of order. Rasa is away: this is about delivery, and Rasa's part is in `tests/journeys/test_kill.py`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.journeys.machines import Plan, run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=6, help="of workers, and of servers")
    parser.add_argument("--database-kills", type=int, default=3)
    parser.add_argument("--database-away", type=float, default=30.0, help="seconds each time")
    parser.add_argument("--deadline", type=float, default=7200.0, help="seconds for all")
    asked = parser.parse_args()
    plan = Plan(
        people=asked.people,
        messages=asked.messages,
        servers=asked.servers,
        workers=asked.workers,
        worker_kills=asked.kills,
        server_kills=asked.kills,
        database_kills=asked.database_kills,
        database_away=asked.database_away,
        deadline=asked.deadline,
        pause=1.0,
    )
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - begun:7.0f} s  {text}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder:
        try:
            outcome = run(plan, Path(folder), say)
        except AssertionError as error:
            say(str(error))
            return 1
    print(f"{plan.messages} messages of {plan.people} people, each answered once and in order, in {outcome.seconds:.0f} s.")
    print(f"killed: {', '.join(outcome.hits)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
