"""How console pages are rendered: one set of templates, everything escaped, nothing cached, no script but our own file's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from bot.console.language import SPOKEN, spoken
from bot.console.logins import SignedIn
from bot.console.roles import (
    LOOKS_AFTER_ACCOUNTS,
    LOOKS_AFTER_RECORDS,
    PLANS_CONTENT,
    ROLES,
    SEES_CAMPAIGNS,
    SEES_CASES,
    SEES_CONTENT,
    SEES_DIRECTORY,
    SEES_INSIGHT,
    SEES_QUESTIONS,
    SEES_RETENTION,
    SEES_ROTA,
    SEES_SERIES,
    SEES_TROUBLES,
    landing,
)
from bot.console.standin import marked
from bot.console.words import StaffWords
from bot.languages import Language, supported
from bot.pages.web import Assets, secured

HERE = Path(__file__).parent
QUEUE = "/staff"
ASSETS = Assets("/assets/console", HERE / "static")


class Look:
    """Renders the console's templates."""

    def __init__(self, words: StaffWords, *, demonstration: bool) -> None:
        self.words = words
        self.counts: Callable[[SignedIn], int] | None = None
        """How much there is to do in the directory for somebody who sees it; None without one."""
        self.troubles: Callable[[], int] = lambda: 0
        """How much does not work now."""

        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(w=words, asset=ASSETS.url, demonstration=demonstration, landing=landing)
        self._environment.globals.update(roles_known=ROLES)
        sees = {
            "accounts": LOOKS_AFTER_ACCOUNTS,
            "campaigns": SEES_CAMPAIGNS,
            "cases": SEES_CASES,
            "content": SEES_CONTENT,
            "directory": SEES_DIRECTORY,
            "insight": SEES_INSIGHT,
            "questions": SEES_QUESTIONS,
            "records": LOOKS_AFTER_RECORDS,
            "retention": SEES_RETENTION,
            "to_write": PLANS_CONTENT,
            "rota": SEES_ROTA,
            "series": SEES_SERIES,
            "troubles": SEES_TROUBLES,
        }
        self._environment.globals.update(sees=sees)

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A whole page, in the language that is spoken."""
        who, language = values.get("who"), spoken()
        todo = self.counts(who) if self.counts and who is not None and SEES_DIRECTORY & who.roles else 0
        troubles = self.troubles() if who is not None and SEES_TROUBLES & who.roles else 0
        common = {"who": None, "todo": todo, "troubles": troubles, "lang": language, "others": _others(language)}
        html = self._environment.get_template(template).render(**(common | values))
        return private(HTMLResponse(marked(html), status, headers={"Content-Language": language}))

    def text(self, template: str, **values: Any) -> str:
        """A file to hand out, made like a page."""
        return marked(self._environment.get_template(template).render(lang=spoken(), **values))

    def notice(self, what: str, status: int, *, kept: str = "", back: str = QUEUE, **values: Any) -> Response:
        """A page of its own for something that went wrong; `kept` are words that were typed and must not be lost.

        `back`: a page that the reader may see; the queue stands for the first page of whoever is not of it.
        """
        who = values.get("who")
        if back == QUEUE and who is not None:
            back = landing(who.roles)
        response = self.page("notice.html", status, what=what, kept=kept, back=back, **values)
        if status in (429, 503):
            response.headers["Retry-After"] = "30"
        return response


def _others(language: str) -> list[Language]:
    """The languages that the reader of a page in `language` can choose instead."""
    return [one for one in supported() if one.code in SPOKEN and one.code != language]


def private(response: Response) -> Response:
    """`response` for one reader only: never stored, never framed, no foreign script."""
    secured(response, script=True)
    response.headers["Cache-Control"] = "no-store"
    return response
