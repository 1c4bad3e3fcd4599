"""`bot campaign`: list campaigns, write their links, make links to pass on, and write posters, cards and QR codes as pages and as PDF."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from sqlalchemy.orm import Session

from bot.settings import ROOT, Settings, settings

if TYPE_CHECKING:  # the command line starts faster without them
    from bot.campaigns.prints import Prints
    from bot.library.campaigns import Campaign

campaign_app = typer.Typer(no_args_is_help=True, help="Campaigns: links, posters and cards.")
Found = TypeVar("Found")
CODE_HELP = "A campaign's code, for example dads26."
LANG_HELP = "Only this language; may be given several times."
LINK_HELP = "With the link that somebody passes on: what its code has after the hyphen."


def say(text: str) -> None:
    """A line for whoever looks on, on standard error."""
    print(text, file=sys.stderr, flush=True)


@campaign_app.command("list")
def list_campaigns() -> None:
    """Write all campaigns as CSV: code, state, first and last day, area, languages, new people of the last month, that month, name."""
    from bot.insight.campaigns import last_month
    from bot.insight.disclosure import HELD, Hidden
    from bot.library.campaigns import Campaigns
    from bot.storage.tables import now

    month, people = _with_session(settings(), last_month)
    out = csv.writer(sys.stdout)
    out.writerow(["code", "state", "starts", "ends", "area", "languages", "people", "month", "name"])
    for one in Campaigns.load(ROOT):
        number = people.get(one.code, HELD)
        shown = "not shown" if isinstance(number, Hidden) else f"about {number}"
        out.writerow(
            [
                one.code,
                one.state(now()),
                one.starts,
                one.ends or "",
                one.area or "",
                " ".join(one.languages),
                shown,
                month or "",
                one.name,
            ]
        )


@campaign_app.command("links")
def links(
    code: Annotated[str, typer.Argument(help=CODE_HELP)],
    link: Annotated[str | None, typer.Option(help=LINK_HELP)] = None,
    add: Annotated[str | None, typer.Option(help="Make a link first, for whoever is named here: a role or a place.")] = None,
) -> None:
    """Write a campaign's links as CSV: language, what, address. Only channels that are set up have any."""
    from bot.campaigns import store
    from bot.campaigns.links import Addresses
    from bot.library.campaigns import Campaigns
    from bot.storage.crypto import Keyring

    chosen = settings()
    campaign = Campaigns.load(ROOT).by_code.get(code)
    if campaign is None:
        raise typer.BadParameter(f"there is no campaign {code} in content/campaigns")
    addresses, out = Addresses.of(chosen), csv.writer(sys.stdout)
    out.writerow(["language", "what", "address"])
    if add is not None:
        label = add
        try:
            link, link_id = _with_session(chosen, lambda session: _made(session, code, label))
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        out.writerow(["", "count", f"{addresses.base}/links/{store.count_key(Keyring(chosen.keys()), link_id)}"])
    elif link is not None:
        suffix = link
        if _with_session(chosen, lambda session: store.live_link(session, code, suffix)) is None:
            raise typer.BadParameter(f"{code} has no link {link}")
    out.writerow(["", "short", addresses.short(campaign, link)])
    for language in campaign.languages:
        out.writerow([language, "page", addresses.page(campaign, language, link)])
        for channel, address in addresses.doors(campaign, language, link).items():
            out.writerow([language, channel, addresses.base + address if address.startswith("/") else address])
    _warn(addresses.can_be_printed, addresses.base)


@campaign_app.command("posters")
def posters(
    code: Annotated[str, typer.Argument(help=CODE_HELP)],
    folder: Annotated[Path, typer.Argument(help="Where the files go; it is made if it is not there.", file_okay=False)],
    lang: Annotated[list[str] | None, typer.Option(help=LANG_HELP)] = None,
    link: Annotated[str | None, typer.Option(help=LINK_HELP)] = None,
) -> None:
    """Write a poster (A4), a pocket card and the QR code (SVG, PNG) for each language. Print the pages from any browser."""
    prints, jobs = _print_jobs(code, lang, link)
    folder.mkdir(parents=True, exist_ok=True)
    for job in jobs:
        address = prints.address(job.campaign, job.language, link)
        files = {f"{job.name}-qr.svg": prints.qr_svg(address), f"{job.name}-qr.png": prints.qr_png(address)}
        files |= {f"{job.name}-{kind}.html": html.encode() for kind, html in job.sheets.items()}
        for file, data in files.items():
            (folder / file).write_bytes(data)
            print(folder / file)
    _warn_of_address()


@campaign_app.command("print")
def print_pdfs(
    code: Annotated[str, typer.Argument(help=CODE_HELP)],
    out: Annotated[Path, typer.Option(help="Where the files go; it is made if it is not there.", file_okay=False)],
    lang: Annotated[list[str] | None, typer.Option(help=LANG_HELP)] = None,
    link: Annotated[str | None, typer.Option(help=LINK_HELP)] = None,
    browser: Annotated[Path | None, typer.Option(help="The Chromium, Chrome or Edge that prints; else the first found.")] = None,
) -> None:
    """Write a poster (A4) and a pocket card as PDF for each language. Needs Chromium, Chrome or Edge on this machine."""
    from bot.campaigns.pdf import NoPdf, find_browser, write_pdfs

    _, jobs = _print_jobs(code, lang, link)
    try:
        program = find_browser(browser)
        out.mkdir(parents=True, exist_ok=True)
        for job in jobs:
            files = {out / f"{job.name}-{kind}.pdf": html for kind, html in job.sheets.items()}
            write_pdfs(program, files)
            for file in files:
                print(file, flush=True)
    except NoPdf as error:
        say(str(error))
        raise typer.Exit(1) from error
    _warn_of_address()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintJob:
    """What is printed in one language: `sheets` are whole pages by their kind, `name` begins the name of each file."""

    campaign: Campaign
    language: str
    name: str
    sheets: dict[str, str]


def _print_jobs(code: str, lang: list[str] | None, link: str | None) -> tuple[Prints, list[PrintJob]]:
    """What to print of a campaign, in the languages asked for or all. Raises BadParameter for what there is not."""
    from bot.campaigns import store
    from bot.campaigns.links import marked
    from bot.campaigns.prints import KINDS, Prints
    from bot.library import Library

    chosen = settings()
    library = Library.load(ROOT)
    campaign = library.campaigns.by_code.get(code)
    if campaign is None:
        raise typer.BadParameter(f"there is no campaign {code} in content/campaigns")
    languages = lang or list(campaign.languages)
    for language in languages:
        if language not in campaign.languages:
            raise typer.BadParameter(f"{code} is not in {language}")
    if link is not None and _with_session(chosen, lambda session: store.live_link(session, code, link)) is None:
        raise typer.BadParameter(f"{code} has no link {link}")
    prints = Prints(library, chosen)
    return prints, [
        PrintJob(
            campaign=campaign,
            language=language,
            name=f"{marked(code, link)}-{language}",
            sheets={kind: prints.sheet(kind, campaign, language, link, alone=True).html for kind in KINDS},
        )
        for language in languages
    ]


def _warn_of_address() -> None:
    from bot.campaigns.links import Addresses

    addresses = Addresses.of(settings())
    _warn(addresses.can_be_printed, addresses.base)


def _made(session: Session, code: str, label: str) -> tuple[str, int]:
    from bot.campaigns import store

    made = store.add_link(session, code, label, area_id=None, staff_id=None)
    return made.suffix, made.id


def _with_session(chosen: Settings, act: Callable[[Session], Found]) -> Found:
    """What `act` gives, on a database that is ready. Raises `Unfit`."""
    from bot.storage.engine import Database
    from bot.wiring import ready_database

    database = Database(chosen.database)
    try:
        ready_database(chosen, database)
        with database.write() as session:
            return act(session)
    finally:
        database.dispose()


def _warn(can_be_printed: bool, base: str) -> None:
    if not can_be_printed:
        say(f"These begin with {base}, which other people's phones do not reach: set WREN_PUBLIC_URL before you print anything.")
