"""`bot campaign`: list campaigns, write their links, make links to pass on, and write posters, cards and QR codes as files."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy.orm import Session

from bot.settings import ROOT, Settings, settings

campaign_app = typer.Typer(no_args_is_help=True, help="Campaigns: links, posters and cards.")
Found = TypeVar("Found")
CODE_HELP = "A campaign's code, for example dads26."
LINK_HELP = "With the link that somebody passes on: what its code has after the hyphen."


def say(text: str) -> None:
    """A line for whoever looks on, on standard error."""
    print(text, file=sys.stderr, flush=True)


@campaign_app.command("list")
def list_campaigns() -> None:
    """Write all campaigns as CSV: code, state, first and last day, area, languages, new people so far, name."""
    from bot.campaigns import store
    from bot.library.campaigns import Campaigns
    from bot.storage.tables import now

    people = _with_session(settings(), store.people_by_campaign)
    out = csv.writer(sys.stdout)
    out.writerow(["code", "state", "starts", "ends", "area", "languages", "people", "name"])
    for one in Campaigns.load(ROOT):
        number = people.get(one.code)
        shown = f"under {store.FEWEST}" if number is None else f"{number} or more"
        out.writerow(
            [one.code, one.state(now()), one.starts, one.ends or "", one.area or "", " ".join(one.languages), shown, one.name]
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
    lang: Annotated[list[str] | None, typer.Option(help="Only this language; may be given several times.")] = None,
    link: Annotated[str | None, typer.Option(help=LINK_HELP)] = None,
) -> None:
    """Write a poster (A4), a pocket card and the QR code (SVG, PNG) for each language. Print the pages from any browser."""
    from bot.campaigns import store
    from bot.campaigns.links import Addresses, marked
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
    folder.mkdir(parents=True, exist_ok=True)
    for language in languages:
        address, name = prints.address(campaign, language, link), f"{marked(code, link)}-{language}"
        files = {f"{name}-qr.svg": prints.qr_svg(address), f"{name}-qr.png": prints.qr_png(address)}
        for kind in KINDS:
            files[f"{name}-{kind}.html"] = prints.sheet(kind, campaign, language, link, alone=True).html.encode()
        for file, data in files.items():
            (folder / file).write_bytes(data)
            print(folder / file)
    addresses = Addresses.of(chosen)
    _warn(addresses.can_be_printed, addresses.base)


def _made(session: Session, code: str, label: str) -> tuple[str, int]:
    from bot.campaigns import store

    made = store.add_link(session, code, label, area_id=None, staff_id=None)
    return made.suffix, made.id


def _with_session(chosen: Settings, act: Callable[[Session], Found]) -> Found:
    """What `act` gives, on the migrated database."""
    from bot.storage.engine import Database
    from bot.wiring import prepare_database

    database = Database(chosen.database)
    try:
        prepare_database(chosen, database)
        with database.write() as session:
            return act(session)
    finally:
        database.dispose()


def _warn(can_be_printed: bool, base: str) -> None:
    if not can_be_printed:
        say(f"These begin with {base}, which other people's phones do not reach: set WREN_PUBLIC_URL before you print anything.")
