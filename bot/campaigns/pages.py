"""A campaign's landing pages, its short link, and the page that shows whoever passes on a link how many came by it.

Server-rendered, no script, no cookie. The landing pages read no database; the count's page is opened by a key of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.campaigns import store
from bot.campaigns.codes import Mark, read_payload
from bot.campaigns.links import Addresses, best_first, page_path
from bot.insight.campaigns import by_link
from bot.insight.days import last_day, month_of, months_of, quarter_of
from bot.languages import Language, supported
from bot.library import Library
from bot.library.campaigns import Campaign
from bot.library.dates import say_months
from bot.library.strings import SOURCE_LANGUAGE
from bot.pages.council import council_of
from bot.pages.web import ASSETS, Assets, Look, chosen, secured
from bot.pages.words import paragraphs
from bot.settings import Settings
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.tables import now

HERE = Path(__file__).parent
FILES = Assets("/assets/campaigns", HERE / "static")
SHARED_PICTURE = "share-picture.png"
"""Shown where a page is passed on: 1200 by 630 pixels, without words, so that one is right in every language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignServices:
    """What the pages need from the rest of the process."""

    library: Library
    settings: Settings
    database: Database
    keyring: Keyring


def routes(services: CampaignServices) -> list[Route]:
    """Landing pages, counts, fixed files, and last the short links, which take every address that nothing else has."""
    pages = CampaignPages(services)
    return [
        Route("/c/{code}", pages.front),
        Route("/c/{code}/{language}", pages.landing),
        Route("/links/{key}", pages.count),
        FILES.route(),
        Route("/{code}", pages.short),
    ]


def campaign_look(library: Library, settings: Settings) -> Look:
    """How the pages, posters and cards are rendered."""
    return Look(
        HERE / "templates",
        assets={"pages": ASSETS, "campaigns": FILES},
        strings=library.strings,
        helplines=library.helplines,
        demonstration=settings.demonstration,
        council=council_of(settings),
    )


def languages_of(campaign: Campaign) -> tuple[Language, ...]:
    """The campaign's languages, in the order in which they are offered everywhere."""
    return tuple(language for language in supported() if language.code in campaign.languages)


def is_draft(campaign: Campaign, language: str) -> bool:
    """Whether no native speaker has checked the campaign's words in this language."""
    return campaign.words[language].translation == "machine-draft"


class CampaignPages:
    """The handlers."""

    def __init__(self, services: CampaignServices) -> None:
        self._services = services
        self._campaigns = services.library.campaigns
        self._addresses = Addresses.of(services.settings)
        self._look = campaign_look(services.library, services.settings)

    async def front(self, request: Request) -> Response:
        """The landing page in the language that the browser asks for."""
        mark = self._mark(request)
        if mark is None:
            return self._gone(request)
        language = self._preferred(request, self._campaigns.by_code[mark.code])
        await run_in_threadpool(self._services.library.refresh)
        return self._landing(request, mark, language, "Accept-Language, User-Agent, Sec-CH-UA-Mobile")

    async def landing(self, request: Request) -> Response:
        """The landing page in one language; in another than the campaign's, the one that the browser asks for."""
        mark, language = self._mark(request), request.path_params["language"]
        if mark is None:
            return self._gone(request, language)
        if language not in self._campaigns.by_code[mark.code].languages:
            return self._on_to(page_path(mark.code, None, mark.link))
        await run_in_threadpool(self._services.library.refresh)
        return self._landing(request, mark, language, "User-Agent, Sec-CH-UA-Mobile")

    async def short(self, request: Request) -> Response:
        """A short link goes on to its page. Any other address that nothing else has is not found."""
        mark = read_payload(self._campaigns, request.path_params["code"])
        if mark is None or mark.language is not None:
            raise HTTPException(404)
        return self._on_to(page_path(mark.code, None, mark.link))

    async def count(self, request: Request) -> Response:
        """How many came by one link, for whoever holds its key."""
        key = request.path_params["key"]
        link, quarters = await run_in_threadpool(self._link, key)
        campaign = self._campaigns.by_code.get(link.campaign) if link is not None else None
        if link is None or campaign is None:
            raise HTTPException(404)
        asked = request.query_params.get("lang")
        language = asked if asked in campaign.languages else self._preferred(request, campaign)
        response = self._look.page(
            "count.html",
            language,
            languages=languages_of(campaign),
            here=f"/links/{quote(key, safe='')}",
            link=link,
            quarters=[(self._period(quarter, language), people) for quarter, people in quarters],
            address=self._addresses.short(campaign, link.suffix),
            draft=language != SOURCE_LANGUAGE,
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    def _link(self, key: str) -> tuple[store.LinkView | None, list[tuple[str, int | None]]]:
        """The link that `key` opens, and how many came by it in each quarter since there is such a link; None for what is not shown."""
        with self._services.database.read() as session:
            link = store.link_of_key(session, self._services.keyring, key)
            found = by_link(session, link.campaign) if link is not None else {}
        if link is None:
            return None, []
        since = quarter_of(month_of(link.created_at))
        numbers = [(quarter, links.get(link.suffix)) for quarter, links in found.items() if quarter >= since]
        return link, [(quarter, one if isinstance(one, int) else None) for quarter, one in numbers]

    @staticmethod
    def _period(quarter: str, language: str) -> str:
        first, _, last = months_of(quarter)
        return say_months(date.fromisoformat(f"{first}-01"), last_day(last), language)

    def _mark(self, request: Request, moment: datetime | None = None) -> Mark | None:
        """The campaign and link in the address; None for a wrong code, and for a campaign that has ended."""
        mark = read_payload(self._campaigns, request.path_params["code"])
        if mark is None or self._campaigns.by_code[mark.code].state(moment or now()) == "ended":
            return None
        return mark

    @staticmethod
    def _preferred(request: Request, campaign: Campaign) -> str:
        return chosen(None, request.headers.get("accept-language", ""), campaign.languages) or SOURCE_LANGUAGE

    def _landing(self, request: Request, mark: Mark, language: str, vary: str) -> Response:
        campaign = self._campaigns.by_code[mark.code]
        doors = self._addresses.doors(campaign, language, mark.link)
        user_agent, mobile = request.headers.get("user-agent", ""), request.headers.get("sec-ch-ua-mobile", "")
        response = self._look.page(
            "campaign.html",
            language,
            words=campaign.words[language],
            languages=languages_of(campaign),
            paths={code: page_path(mark.code, code, mark.link) for code in campaign.languages},
            own={code: self._addresses.page(campaign, code) for code in campaign.languages},
            front=self._addresses.page(campaign),
            picture=self._addresses.base + FILES.url(SHARED_PICTURE),
            channels=best_first(doors, user_agent, mobile),
            tastes=[self._taste(message_id, language) for message_id in campaign.taste],
            draft=is_draft(campaign, language),
        )
        response.headers["Cache-Control"] = "public, max-age=300"
        response.headers["Vary"] = vary
        return response

    def _taste(self, message_id: str, language: str) -> Markup:
        """A message as a parent would get it who has said nothing of themselves."""
        return paragraphs(self._services.library.render(f"message:{message_id}", language).text)

    def _gone(self, request: Request, language: str | None = None) -> Response:
        """A wrong or an ended code still leads to Wren."""
        return self._on_to(f"/{language}" if language in {known.code for known in supported()} else "/")

    @staticmethod
    def _on_to(path: str) -> Response:
        return secured(RedirectResponse(path, 302, headers={"Cache-Control": "no-store"}))
