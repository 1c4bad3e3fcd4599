"""The rota: who is on duty at a moment, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import IntegrityError

from bot.handoff import rota
from bot.handoff.rota import NewShift, NoShift
from bot.storage.tables import RotaShift, Staff, now
from tests.console.support import AREA, ELSEWHERE, Office

LONDON = ZoneInfo("Europe/London")


def on_rota(office: Office, staff_id: int, day: str, starts: str, ends: str, weeks: int = 1, area: str = AREA) -> int:
    new = NewShift(
        staff_id=staff_id,
        day=date.fromisoformat(day),
        starts=time.fromisoformat(starts),
        ends=time.fromisoformat(ends),
        weeks=weeks,
    )
    with office.services.database.write() as session:
        return rota.add(session, area, LONDON, new)


def there(office: Office, moment: str, area: str = AREA) -> list[str]:
    with office.services.database.read() as session:
        local = datetime.fromisoformat(moment).replace(tzinfo=LONDON)
        return [staff.first_name for staff in rota.on_duty(session, area, local)]


def test_whoever_is_on_the_rota_is_on_duty_from_the_first_to_the_last_minute(office: Office) -> None:
    ada, ben = office.staff("Ada"), office.staff("Ben")
    on_rota(office, ada, "2026-11-23", "09:00", "13:00")
    on_rota(office, ben, "2026-11-23", "12:00", "17:00")
    assert there(office, "2026-11-23T08:59") == []
    assert there(office, "2026-11-23T09:00") == ["Ada"]
    assert there(office, "2026-11-23T12:30") == ["Ada", "Ben"]
    assert there(office, "2026-11-23T13:00") == ["Ben"]
    assert there(office, "2026-11-23T12:30", ELSEWHERE) == []


def test_a_shift_that_ends_no_later_than_it_begins_ends_on_the_next_day(office: Office) -> None:
    ada = office.staff("Ada")
    on_rota(office, ada, "2026-11-23", "22:00", "06:00")
    assert there(office, "2026-11-24T05:59") == ["Ada"]
    assert there(office, "2026-11-24T06:00") == []


def test_a_repeated_shift_keeps_its_time_by_the_clock_when_the_clocks_change(office: Office) -> None:
    ada = office.staff("Ada")
    assert on_rota(office, ada, "2026-10-22", "09:00", "17:00", weeks=2) == 2
    with office.services.database.read() as session:
        starts = [row.starts_at for row in session.query(RotaShift).order_by(RotaShift.id)]
    assert starts == [datetime(2026, 10, 22, 8, tzinfo=UTC), datetime(2026, 10, 29, 9, tzinfo=UTC)]


def test_adding_the_same_twice_adds_once(office: Office) -> None:
    ada = office.staff("Ada")
    on_rota(office, ada, "2026-11-23", "09:00", "17:00")
    assert on_rota(office, ada, "2026-11-23", "09:00", "17:00", weeks=3) == 2
    with pytest.raises(NoShift, match="there"):
        on_rota(office, ada, "2026-11-23", "09:00", "17:00", weeks=3)


def test_two_who_add_the_same_at_the_same_moment_add_once(office: Office) -> None:
    ada = office.staff("Ada")
    refused: list[type[Exception]] = []
    gate = threading.Barrier(4)

    def add() -> None:
        gate.wait()
        try:
            on_rota(office, ada, "2026-11-23", "09:00", "17:00")
        except (NoShift, IntegrityError) as error:
            refused.append(type(error))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert there(office, "2026-11-23T10:00") == ["Ada"]


def test_only_practitioners_of_the_area_can_be_put_on_its_rota(office: Office) -> None:
    cleo, everywhere, gone = office.staff("Cleo", area=ELSEWHERE), office.staff("Eve", area=None), office.staff("Gus")
    office.change(Staff, gone, disabled_at=now())
    on_rota(office, everywhere, "2026-11-23", "09:00", "17:00")
    for stranger in (cleo, gone, 999_999):
        with pytest.raises(NoShift, match="nobody"):
            on_rota(office, stranger, "2026-11-23", "09:00", "17:00")


def test_an_account_that_was_closed_is_not_on_duty(office: Office) -> None:
    ada = office.staff("Ada")
    on_rota(office, ada, "2026-11-23", "09:00", "17:00")
    office.change(Staff, ada, disabled_at=now())
    assert there(office, "2026-11-23T10:00") == []


@pytest.mark.parametrize("weeks", [0, 27])
def test_a_rota_is_written_for_half_a_year_at_most(office: Office, weeks: int) -> None:
    with pytest.raises(NoShift, match="weeks"):
        on_rota(office, office.staff("Ada"), "2026-11-23", "09:00", "17:00", weeks=weeks)


def test_a_week_shows_what_touches_it(office: Office) -> None:
    ada = office.staff("Ada")
    for day in ("2026-11-21", "2026-11-22", "2026-11-29", "2026-11-30"):
        on_rota(office, ada, day, "22:00", "06:00")
    begins, ends = datetime(2026, 11, 23, tzinfo=LONDON), datetime(2026, 11, 30, tzinfo=LONDON)
    with office.services.database.read() as session:
        found = [shift.starts_at.astimezone(LONDON).date() for shift in rota.shifts(session, AREA, begins, ends)]
    assert found == [date(2026, 11, 22), date(2026, 11, 29)]


def test_a_line_is_taken_off_by_its_own_area_only(office: Office) -> None:
    ada = office.staff("Ada")
    on_rota(office, ada, "2026-11-23", "09:00", "17:00")
    with office.services.database.write() as session:
        shift = session.query(RotaShift).one().id
        assert not rota.remove(session, ELSEWHERE, shift)
        assert rota.remove(session, AREA, shift)
        assert not rota.remove(session, AREA, shift)
    assert there(office, "2026-11-23T10:00") == []
