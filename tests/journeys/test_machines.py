"""Two web servers and two workers, one of them with a clock that is 40 s ahead, on one PostgreSQL: a worker, a server and PostgreSQL
itself die by SIGKILL while parents write. Every message that was accepted is answered once, in order. In full: `make chaos`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.machines import Plan, run
from tests.postgres import programs


@pytest.mark.timeout(1200)
@pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed")
def test_nothing_is_lost_doubled_or_disordered_whichever_machine_dies(tmp_path: Path) -> None:
    outcome = run(Plan(), tmp_path)
    assert sorted(hit.split(" ")[0] for hit in outcome.hits) == ["PostgreSQL", "server", "worker"], outcome
    assert set(outcome.codes.values()) == {0}, "asked to stop, each ends by itself and in time"
