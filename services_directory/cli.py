"""The command line of the directory, to be mounted as ``bot directory``. Findings go to standard output, one a line."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, get_args

import typer
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from services_directory import models
from services_directory.database import migrate, open_engine
from services_directory.demonstration import DEMONSTRATION_FILE, load_demonstration
from services_directory.directory import Directory, whole_service
from services_directory.export import to_oruk
from services_directory.query import Match, Mode, Query
from services_directory.sheet import FileHasProblems, load_file, problems
from services_directory.terms import UnknownTerm, vocabulary

directory_app = typer.Typer(help="The directory of local services.", no_args_is_help=True)

Database = Annotated[str, typer.Option(envvar="WREN_DATABASE_URL", help="Where the directory is kept, as an SQLAlchemy address.")]
DEFAULT_DATABASE = "sqlite:///var/wren.sqlite3"


def _ready(database: str) -> Engine:
    if database.startswith("sqlite:///") and "memory" not in database:
        Path(database.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = open_engine(database)
    migrate(engine)
    return engine


@directory_app.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Files to check; the demonstration if none.")] = None,
) -> None:
    """Say what is wrong in files of services, line by line, and how to mend it."""
    found = [problem for file in files or [DEMONSTRATION_FILE] for problem in problems(file)]
    for problem in found:
        typer.echo(str(problem))
    if found:
        typer.echo(f"{len(found)} problem{'' if len(found) == 1 else 's'}", err=True)
        raise typer.Exit(1)


@directory_app.command()
def search(
    text: Annotated[str, typer.Argument(help="Words to look for.")] = "",
    need: Annotated[str | None, typer.Option(help="A need of the vocabulary, for example infant-feeding.")] = None,
    place: Annotated[str | None, typer.Option(help="A postcode, half of one, a town, district, hub or nation.")] = None,
    age_months: Annotated[int | None, typer.Option(help="The child's age in months, negative before birth.")] = None,
    mode: Annotated[str | None, typer.Option(help="go, phone, online or home.")] = None,
    language: Annotated[str | None, typer.Option(help="The parent's language, for example ur.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 5,
    offset: Annotated[int, typer.Option(min=0)] = 0,
    at: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day to search for.")] = None,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Search as a parent would, and show each result with its reasons as a line of JSON."""
    known = next((known for known in get_args(Mode) if known == mode), None)
    if mode is not None and known is None:
        raise typer.BadParameter(f"choose from {', '.join(get_args(Mode))}", param_hint="--mode")
    query = Query(
        need=need,
        text=text or None,
        place=place,
        age_months=age_months,
        mode=known,
        language=language,
        limit=limit,
        offset=offset,
        at=at.date() if at else None,
    )
    directory = Directory(_ready(database))
    if place is not None and directory.find_place(place) is None:
        typer.echo(f"{place}: no such place in the directory; searching without one", err=True)
    try:
        matches = directory.search(query)
    except UnknownTerm as error:
        hint = f"{error} is not a need; the needs are {', '.join(sorted(vocabulary().terms))}"
        raise typer.BadParameter(hint, param_hint="--need") from error
    for match in matches:
        typer.echo(json.dumps(_match_json(match), ensure_ascii=False))


def _match_json(match: Match) -> dict[str, object]:
    session = match.next_session
    return {
        "name": match.service.name,
        "why": [[code, {name: _json(value) for name, value in given.items()}] for code, given in match.why],
        "miles": match.distance_miles,
        "venue": ", ".join((match.venue.name, *match.venue.address)) if match.venue else None,
        "next": " ".join(str(part) for part in (session.date, session.opens, session.closes) if part) if session else None,
        "phones": [phone.number for phone in match.phones],
        "costs": [{"amount": None if c.amount is None else str(c.amount), "text": c.text} for c in match.costs],
        "how_to_join": match.how_to_join,
        "checked": _json(match.checked),
        "stale": match.stale,
        "score": match.score,
        "id": match.service.id,
    }


def _json(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


@directory_app.command("load-demo")
def load_demo(database: Database = DEFAULT_DATABASE) -> None:
    """Load the demonstration: openly invented services in two invented districts."""
    typer.echo(f"{load_demonstration(_ready(database))} services loaded")


@directory_app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A file of services in the form of the demonstration.")],
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Load a file of services, all or nothing. They wait for approval unless the file says otherwise."""
    try:
        count = load_file(_ready(database), file)
    except FileHasProblems as error:
        for problem in error.problems:
            typer.echo(str(problem))
        typer.echo("Nothing was loaded.", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{count} services loaded")


@directory_app.command()
def export(database: Database = DEFAULT_DATABASE) -> None:
    """Write the approved services as Open Referral UK 3.0, one line of JSON each."""
    approved = select(models.Service).where(models.Service.approval == "approved").order_by(models.Service.name)
    with Session(_ready(database)) as session:
        for service in session.scalars(approved.options(*whole_service())):
            typer.echo(json.dumps(to_oruk(service), ensure_ascii=False))


@directory_app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 lets the machine choose.")] = 8090,
    public_url: Annotated[str | None, typer.Option(help="The address that others reach this by, if it is another.")] = None,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Serve the directory to other programs, as a read-only Open Referral UK 3.0 API at /."""
    import uvicorn

    from services_directory.api import api_app

    engine = _ready(database)
    app = api_app(engine, Directory(engine), public_url=public_url.rstrip("/") if public_url else None)
    uvicorn.run(app, host=host, port=port, lifespan="off", access_log=False, server_header=False)
