"""When a service is on, as a document has it: rules, and single dates beside them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from services_directory import models
from services_directory.imports import mend
from services_directory.imports.forms import Form, rule_of, unique
from services_directory.imports.mend import shortened
from services_directory.imports.notes import Said, said
from services_directory.imports.values import Values, text_id
from services_directory.imports.weekdays import days
from services_directory.single_dates import joined
from services_directory.timetables import DAYS, parse_byday, parse_bymonthday


class Times:
    """Reads the times of one document."""

    def __init__(self, values: Values, at: Mapping[str, str]) -> None:
        """``at``: the place of each link of the service to one, by the ids that the source gives them."""
        self._values, self._at = values, at
        self._rules: dict[str, str] = {}

    def schedules(self) -> list[Form]:
        """Return the rules."""
        found = []
        for item in joined(self._values.rows(self._values.data, "schedules")):
            row = self._schedule(item)
            if row:
                found.append(row)
                self._rules[text_id(item.get("id"))] = rule_of(row)
        return unique(found)

    def exceptions(self) -> list[Form]:
        """Return the single dates. Comes after ``schedules``, whose rules they name."""
        rows = self._values.rows(self._values.data, "schedule_exceptions")
        return unique([row for one in rows if (row := self._exception(one))])

    def _exception(self, item: Mapping[str, Any]) -> Form | None:
        """Read one of our own single dates, as an export has them: no standard has any."""
        row: Form = {
            "date": self._values.valued(item, "date", mend.day, name="schedules"),
            "kind": mend.written(item.get("kind")),
        }
        if row["date"] is None or row["kind"] not in models.EXCEPTIONS:
            self._values.remark("schedules", said("left_out.single_date"))
            return None
        for key in ("opens_at", "closes_at"):
            row[key] = self._values.valued(item, key, mend.clock, name="schedules")
        row["note"] = self._values.text(item, "note", 2000, name="schedules")
        row["rule"] = self._rules.get(text_id(item.get("schedule_id")))
        return row

    def _schedule(self, item: Mapping[str, Any]) -> Form | None:
        def say(what: Said | None) -> None:
            self._values.remark("schedules", what)

        row: Form = {}
        for key in ("valid_from", "valid_to", "dtstart", "until"):
            row[key] = self._values.valued(item, key, mend.day, name="schedules")
        for begin, end in (("valid_from", "valid_to"), ("dtstart", "until")):
            if row[begin] and row[end] and row[end] < row[begin]:
                say(said("left_out.end_first", end=row[end], begin=row[begin]))
                row[end] = None
        for key in ("opens_at", "closes_at"):
            row[key] = self._values.valued(item, key, mend.clock, name="schedules")
        if row["opens_at"] and row["opens_at"] == row["closes_at"]:
            row["closes_at"] = None
        freq = (mend.written(item.get("freq")) or "").upper()
        given = item.get("byday")
        byday = days(given).upper().replace(" ", "")[:100] if given and not isinstance(given, dict | bool) else None
        if isinstance(given, str) and byday != given.upper().replace(" ", "")[:100]:
            say(said("read_as", value=shortened(given), read=byday or ""))
        if freq == "DAILY" and not byday:
            freq, byday = "WEEKLY", ",".join(DAYS)
            say(said("every_day"))
        row["freq"] = freq if freq in models.FREQUENCIES else None
        if freq and row["freq"] is None:
            say(said("left_out.frequency", value=shortened(freq)))
        row["interval"] = mend.whole(item.get("interval"), 1, 520) or 1
        row["byday"] = self._days(byday, parse_byday, str(given))
        if row["freq"] == "WEEKLY" and row["byday"] and re.search(r"\d", row["byday"]):
            say(said("weekly_days", value=row["byday"]))
            row["byday"] = re.sub(r"[+-]?\d", "", row["byday"])
        month_days = (mend.written(item.get("bymonthday")) or "").replace(" ", "")[:100] or None
        # The standard's own example gives days of the month to a weekly rule, where they mean nothing.
        row["bymonthday"] = self._days(month_days, parse_bymonthday) if row["freq"] == "MONTHLY" else None
        if row["interval"] > 1 and not row["dtstart"]:
            say(said("no_beginning"))
        row["description"] = self._values.text(item, "description", 2000, name="schedules")
        row["notes"] = self._values.text(item, "notes", 2000, name="schedules")
        row["attending_type"] = self._values.text(item, "attending_type", 500, name="schedules")
        row["schedule_link"] = self._values.valued(item, "schedule_link", mend.web, name="schedules")
        row["location"] = self._at.get(text_id(item.get("service_at_location_id"))) or None
        tells = any(row[key] for key in ("freq", "dtstart", "opens_at", "description", "notes", "valid_from", "schedule_link"))
        return row if tells else None

    def _days(self, text: str | None, parse: Callable[[str], object], given: str = "") -> str | None:
        """Return ``text`` if it can be parsed; ``given`` is what was written, to speak of."""
        if text is None:
            return None
        try:
            parse(text)
        except ValueError:
            self._values.remark("schedules", said("left_out.days", value=shortened(given or text)))
            return None
        return text
