"""The pages of campaigns: their links, QR codes, posters and cards, the links that people pass on, and how many came by each.

Campaigns themselves are files in `content/campaigns/`. Staff of an area see those of their area and those of everywhere, and the links of
their own area; whatever is looked at or done is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import RedirectResponse, Response

from bot.campaigns import store
from bot.campaigns.codes import LINK
from bot.campaigns.links import Addresses, marked
from bot.campaigns.prints import KINDS, Prints
from bot.console.guard import Visit
from bot.console.logins import SignedIn
from bot.console.look import Look, private
from bot.console.services import ConsoleServices
from bot.handoff.desk import may_see
from bot.insight.campaigns import by_link, by_month, last_month
from bot.insight.disclosure import HELD, THRESHOLD, Figure
from bot.library.campaigns import Campaign
from bot.pages.web import secured
from bot.storage.tables import StaffAudit, now

DONE = ("link_added", "link_ended")
FILES = {"qr.svg": "image/svg+xml", "qr.png": "image/png", **dict.fromkeys(KINDS, "text/html; charset=utf-8")}
"""What there is for print, with its media type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One campaign in the list, with the new people of the last month that may be shown."""

    campaign: Campaign
    state: str
    people: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLine:
    """A link that somebody passes on, its address, that of the page which shows them its numbers, and these, by quarter."""

    link: store.LinkView
    address: str
    count: str
    people: Sequence[tuple[str, Figure]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkProblem:
    """Why a link was not made."""

    field: str
    words: str


class CampaignDesk:
    """The handlers behind the guard; they run in a thread."""

    def __init__(self, services: ConsoleServices, look: Look) -> None:
        self._services, self._look, self._words = services, look, look.words
        self._campaigns = services.renderer.library.campaigns
        self._addresses = Addresses.of(services.settings)
        self._prints = Prints(services.renderer.library, services.settings)

    def list(self, visit: Visit) -> Response:
        """All campaigns that the reader may see."""
        with self._services.database.read() as session:
            month, people = last_month(session)
        moment = now()
        lines = [
            Line(campaign=one, state=one.state(moment), people=people.get(one.code, HELD))
            for one in self._campaigns
            if _sees(visit.who, one)
        ]
        return self._look.page("campaigns.html", who=visit.who, lines=lines, month=month)

    def one(self, visit: Visit) -> Response:
        """One campaign. `?link=` shows links, codes and prints with that link's suffix."""
        done = visit.request.query_params.get("done", "")
        return self._one(visit, done=done if done in DONE else "")

    def add_link(self, visit: Visit) -> Response:
        """Make a link to pass on."""
        campaign = self._campaign(visit)
        if campaign is None:
            return self._missing(visit)
        try:
            with self._services.database.write() as session:
                link = store.add_link(
                    session, campaign.code, visit.form.get("text", ""), area_id=visit.who.area_id, staff_id=visit.who.staff_id
                )
                self._record(session, visit.who, "campaigns.link", marked(campaign.code, link.suffix))
                suffix = link.suffix
        except ValueError:
            return self._one(visit, problem=LinkProblem(field="text", words=self._words("campaigns.label_wrong")), status=422)
        return private(RedirectResponse(f"/staff/campaigns/{campaign.code}?done=link_added&link={suffix}", 303))

    def end_link(self, visit: Visit) -> Response:
        """End a link: its people count as the campaign's from now on."""
        campaign = self._campaign(visit)
        with self._services.database.write() as session:
            link = store.link_by_id(session, visit.request.path_params["link_id"])
            if campaign is None or link is None or link.campaign != campaign.code or not may_see(visit.who.area_id, link.area_id):
                return self._missing(visit)
            store.end_link(session, link.id)
            self._record(session, visit.who, "campaigns.link_end", marked(campaign.code, link.suffix))
        return private(RedirectResponse(f"/staff/campaigns/{campaign.code}?done=link_ended", 303))

    def file(self, visit: Visit) -> Response:
        """A QR code, a poster or a card, in one language; `?link=` for somebody's own link."""
        campaign, asked = self._campaign(visit), visit.request.path_params
        language, name = asked["language"], asked["file"]
        if campaign is None or language not in campaign.languages or name not in FILES:
            return self._missing(visit)
        suffix = self._suffix(visit, campaign)
        with self._services.database.write() as session:
            self._record(session, visit.who, "campaigns.print", f"{marked(campaign.code, suffix)} {language} {name}")
        address = self._prints.address(campaign, language, suffix)
        if name in KINDS:
            response = Response(self._prints.sheet(name, campaign, language, suffix).html, media_type=FILES[name])
        else:
            data = self._prints.qr_svg(address) if name == "qr.svg" else self._prints.qr_png(address)
            response = Response(data, media_type=FILES[name])
            file = f"wren-{marked(campaign.code, suffix)}-{language}-{name}"
            response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
        secured(response)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _one(self, visit: Visit, *, done: str = "", problem: LinkProblem | None = None, status: int = 200) -> Response:
        campaign = self._campaign(visit)
        if campaign is None:
            return self._missing(visit)
        suffix = self._suffix(visit, campaign)
        with self._services.database.write() as session:
            self._record(session, visit.who, "campaigns.view", campaign.code)
            links = [link for link in store.links_of(session, campaign.code) if may_see(visit.who.area_id, link.area_id)]
            months = by_month(session, campaign.code)
            quarters = by_link(session, campaign.code)
        values: dict[str, Any] = {
            "campaign": campaign,
            "state": campaign.state(now()),
            "months": months,
            "few": THRESHOLD,
            "short": self._addresses.short(campaign, suffix),
            "can_be_printed": self._addresses.can_be_printed,
            "suffix": suffix,
            "chosen": next((link for link in links if link.suffix == suffix), None),
            "rows": [
                {
                    "language": language,
                    "page": self._addresses.page(campaign, language, suffix),
                    "doors": self._addresses.doors(campaign, language, suffix),
                    "draft": campaign.words[language].translation == "machine-draft",
                }
                for language in campaign.languages
            ],
            "links": [self._line(campaign, link, quarters) for link in links],
            "base": self._addresses.base,
            "ids": {"text": "label"},
        }
        typed = visit.form.get("text", "")
        return self._look.page("campaign.html", status, who=visit.who, done=done, problem=problem, typed=typed, **values)

    def _line(self, campaign: Campaign, link: store.LinkView, quarters: Mapping[str, Mapping[str, Figure]]) -> LinkLine:
        key = store.count_key(self._services.keyring, link.id)
        return LinkLine(
            link=link,
            address=self._addresses.short(campaign, link.suffix),
            count=f"{self._addresses.base}/links/{key}",
            people=[(quarter, links.get(link.suffix, HELD)) for quarter, links in quarters.items()],
        )

    def _campaign(self, visit: Visit) -> Campaign | None:
        campaign = self._campaigns.by_code.get(visit.request.path_params["code"])
        return campaign if campaign is not None and _sees(visit.who, campaign) else None

    def _suffix(self, visit: Visit, campaign: Campaign) -> str | None:
        """The link asked for, if it is one of this campaign that the reader may see."""
        suffix = visit.request.query_params.get("link", "")
        if not LINK.fullmatch(suffix):
            return None
        with self._services.database.read() as session:
            link = store.live_link(session, campaign.code, suffix)
        return suffix if link is not None and may_see(visit.who.area_id, link.area_id) else None

    @staticmethod
    def _record(session: Any, who: SignedIn, action: str, subject: str) -> None:
        session.add(StaffAudit(staff_id=who.staff_id, action=action, subject=subject))

    def _missing(self, visit: Visit) -> Response:
        return self._look.notice("no_campaign", 404, who=visit.who, back="/staff/campaigns")


def _sees(who: SignedIn, campaign: Campaign) -> bool:
    """Whether somebody of an area may see a campaign: one of their area, or one for everywhere."""
    return may_see(who.area_id, campaign.area)
