"""The review list: parents who have written several times that they are struggling, for a practitioner to decide about."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from bot.console.guard import Visit
from bot.console.look import Look, private
from bot.console.roles import ANSWERS
from bot.console.services import ConsoleServices
from bot.conversation.identifiers import without_identifiers
from bot.handoff import review
from bot.handoff.desk import MAX_WORDS, Refused
from bot.handoff.review import NotOnList, Struggling
from bot.storage.tables import StaffAudit

DONE = ("nothing", "gone")
MAX_ID = 2**53


class Review:
    """The handlers behind the guard; they run in a thread."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look = services, look

    def page(self, visit: Visit) -> Response:
        """The list of the reader's area."""
        done = visit.request.query_params.get("done", "")
        return self._page(visit, done=done if done in DONE else "")

    def read(self, visit: Visit) -> Response:
        """The list again, with one parent's words, for a reason (`text`). They are shown once: the next look is without them."""
        person_id, reason = _person_id(visit), visit.form.get("text", "")
        try:
            shown = review.read_words(self._services, person_id, visit.who.staff_id, self._services.reviewing, reason)
        except NotOnList:
            return self._back("gone")
        except Refused as refused:
            return self._page(visit, wrong=person_id, code=refused.code, typed=reason)
        return self._page(visit, shown=shown)

    def decide(self, visit: Visit) -> Response:
        """Take a parent off the list (`act`: nothing, or case, whose page comes next); `up_to` is what the reader had seen of them."""
        up_to = visit.form.get("up_to", "")
        try:
            case_id = review.decide(
                self._services,
                _person_id(visit),
                visit.who.staff_id,
                self._services.reviewing,
                visit.form.get("act", ""),
                int(up_to) if up_to.isascii() and up_to.isdigit() and len(up_to) < 16 else 0,
            )
        except (NotOnList, Refused):
            return self._back("gone")
        if case_id is not None:
            return private(RedirectResponse(f"/staff/cases/{case_id}", 303))
        return self._back("nothing")

    def _back(self, done: str) -> Response:
        return private(RedirectResponse(f"/staff/review?{urlencode({'done': done})}", 303))

    def _page(
        self, visit: Visit, *, shown: Struggling | None = None, wrong: int = 0, code: str = "", typed: str = "", done: str = ""
    ) -> Response:
        """That the list was looked at is recorded before it is shown."""
        services, who = self._services, visit.who
        with services.database.read() as session:
            people = review.waiting(session, services.keyring, who.area_id, services.reviewing)
            number = review.count(session, who.area_id, services.reviewing)
        with services.database.write() as session:
            session.add(StaffAudit(staff_id=who.staff_id, action="review.view", subject=str(number)))
        return self._look.page(
            "review.html",
            422 if wrong else 200,
            who=who,
            people=[shown if shown is not None and shown.person_id == one.person_id else one for one in people],
            number=number,
            words_of=shown.person_id if shown is not None else 0,
            clean=without_identifiers,
            answers=bool(ANSWERS & who.roles),
            reviewing=services.reviewing,
            wrong=wrong if any(one.person_id == wrong for one in people) else 0,
            code=code,
            typed=typed,
            most=MAX_WORDS,
            done=done,
        )


def _person_id(visit: Visit) -> int:
    person_id: int = visit.request.path_params["person_id"]
    return person_id if person_id < MAX_ID else 0
