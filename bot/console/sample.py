"""The monthly blind sample: messages without a worry, their words alone, for a practitioner to judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from bot.console.guard import Visit
from bot.console.look import Look, private
from bot.console.services import ConsoleServices
from bot.conversation.identifiers import without_identifiers
from bot.handoff import marks, sample
from bot.handoff.desk import Refused, may_see
from bot.handoff.sample import Draw, Drawn, NotInSample
from bot.languages import supported
from bot.storage.tables import Area, StaffAudit

DONE = ("marked", "opened")
MAX_ID = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One message on the page: `words` without what may say who wrote them, and `message`, what staff have said of it."""

    words: str
    message: Drawn


class Sample:
    """The handlers behind the guard; they run in a thread."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look = services, look

    def page(self, visit: Visit) -> Response:
        """This month's sample of one language (`?lang=`); `?area=` for staff of all areas."""
        return self._page(visit, visit.request.query_params)

    def mark(self, visit: Visit) -> Response:
        """Keep the level (`level`) that a message should have had."""
        return self._act(
            visit, "marked", lambda id_, staff_id: sample.mark(self._services, id_, staff_id, visit.form.get("level", ""))
        )

    def open_case(self, visit: Visit) -> Response:
        """Open a case for the writer of a message that was found serious."""
        return self._act(visit, "opened", lambda id_, staff_id: sample.open_case(self._services, id_, staff_id))

    def _act(self, visit: Visit, done: str, act: Callable[[int, int], Draw]) -> Response:
        """Do it and go back to the message; without a level, the page again with what is missing."""
        sample_id: int = visit.request.path_params["sample_id"]
        try:
            draw = act(sample_id if sample_id < MAX_ID else 0, visit.who.staff_id)
        except NotInSample:
            return self._look.notice("no_sample", 404, who=visit.who, back="/staff/sample")
        except Refused:
            return self._page(visit, visit.form, wrong=sample_id)
        query = urlencode({"lang": draw.language, "area": draw.area_id, "done": done})
        return private(RedirectResponse(f"/staff/sample?{query}#message-{sample_id}", 303))

    def _page(self, visit: Visit, asked: Mapping[str, str], wrong: int = 0) -> Response:
        """The draw, made now if it has not been. That it was looked at is recorded before it is shown.

        `wrong` is the message whose form came without a level.
        """
        services, who, done = self._services, visit.who, asked.get("done", "")
        areas = self._areas(who.area_id)
        area_id = asked["area"] if asked.get("area") in areas else next(iter(areas))
        languages = tuple(one.code for one in supported())
        language = asked["lang"] if asked.get("lang") in languages else languages[0]
        draw = sample.draw_of_now(services.teams, area_id, language)
        sample.make(services, draw, services.sampling, services.is_command)
        with services.database.read() as session:
            drawn = sample.read(session, services.keyring, draw)
        with services.database.write() as session:
            # Whose messages they were is nobody's to know, here too: how many, and of which draw.
            subject = f"{draw.month} {draw.language} {draw.area_id}: {len(drawn)}"
            session.add(StaffAudit(staff_id=who.staff_id, action="sample.view", subject=subject))
        return self._look.page(
            "sample.html",
            422 if wrong else 200,
            who=who,
            draw=draw,
            areas=areas,
            languages=languages,
            shown=[Shown(words=without_identifiers(one.text or ""), message=one) for one in drawn],
            levels=marks.LEVELS,
            most=services.sampling.messages,
            days=services.sampling.span.days,
            team=services.teams.of(area_id),
            wrong=wrong if any(one.id == wrong for one in drawn) else 0,
            done=done if done in DONE else "",
        )

    def _areas(self, staff_area: str | None) -> dict[str, str]:
        """The areas that the reader sees, with their names; those of teams first, the default one at the head."""
        teams = self._services.teams
        with self._services.database.read() as session:
            rows = session.scalars(select(Area).order_by(Area.id)).all()
        seen = sorted(
            (row for row in rows if may_see(staff_area, row.id)),
            key=lambda row: (row.id != teams.default.area_id, row.id not in teams),
        )
        return {row.id: teams[row.id].name if row.id in teams else row.name for row in seen}
