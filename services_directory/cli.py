"""The command line of the directory, to be mounted as ``bot directory``. Findings go to standard output, one a line."""

import json
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, get_args
from urllib.parse import urlsplit

import typer
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services_directory.calendars import TERM_DATES_FILE, term_problems
from services_directory.database import migrate, open_engine
from services_directory.demonstration import DEMONSTRATION_FILE, load_demonstration
from services_directory.directory import Directory
from services_directory.freshness.policy import mistakes as policy_mistakes
from services_directory.imports import one_sheet
from services_directory.imports.apply import Blocked, run_import
from services_directory.imports.exporting import FORMS, documents
from services_directory.imports.exporting import export as exported
from services_directory.imports.feeds import Limits, is_address, read_feed
from services_directory.imports.notes import CannotRead, said
from services_directory.imports.plan import Options
from services_directory.imports.planning import make_plan
from services_directory.imports.readers import MAX_BYTES, read_bytes
from services_directory.imports.report import lines
from services_directory.postcode_files import UnreadablePostcodes, load_postcodes
from services_directory.query import Match, Mode, Part, Query
from services_directory.sheet import FileHasProblems, load_file, problems
from services_directory.terms import TOPICS_FILE, UnknownTerm, topic_problems, vocabulary
from services_directory.wording import SYNONYMS_FILE, synonym_problems

directory_app = typer.Typer(help="The directory of local services.", no_args_is_help=True)

Database = Annotated[str, typer.Option(envvar="WREN_DATABASE_URL", help="Where the directory is kept, as an SQLAlchemy address.")]
DEFAULT_DATABASE = "sqlite:///var/wren.sqlite3"
DEFAULT_KEEP = Path("var/feeds")


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
    """Say what is wrong in files of services, line by line, and how to mend it.

    Without a file: in the demonstration, term dates, synonyms, topics and times of checks.
    """
    found: list[object] = [problem for file in files or [DEMONSTRATION_FILE] for problem in problems(file)]
    if not files:
        found += term_problems(TERM_DATES_FILE)
        found += synonym_problems(SYNONYMS_FILE)
        found += topic_problems(TOPICS_FILE, vocabulary().terms)
        found += policy_mistakes()
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
    topic: Annotated[str | None, typer.Option(help="A topic, for example baby/sleep, in place of a need.")] = None,
    open_now: Annotated[bool, typer.Option("--open-now", help="Only what is open at this moment.")] = False,
    this_week: Annotated[bool, typer.Option("--this-week", help="Only what is on within seven days.")] = False,
    part: Annotated[str | None, typer.Option(help="morning, afternoon or evening.")] = None,
    free: Annotated[bool, typer.Option("--free", help="Only what costs nothing.")] = False,
    access: Annotated[list[str] | None, typer.Option(help="What the venue must say, for example step-free.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 5,
    offset: Annotated[int, typer.Option(min=0)] = 0,
    at: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day to search for.")] = None,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Search as a parent would, and show each result with its reasons as a line of JSON."""
    known = next((known for known in get_args(Mode) if known == mode), None)
    if mode is not None and known is None:
        raise typer.BadParameter(f"choose from {', '.join(get_args(Mode))}", param_hint="--mode")
    known_part = next((known for known in get_args(Part) if known == part), None)
    if part is not None and known_part is None:
        raise typer.BadParameter(f"choose from {', '.join(get_args(Part))}", param_hint="--part")
    if open_now and at is not None:
        raise typer.BadParameter("is about this moment: leave out --at", param_hint="--open-now")
    query = Query(
        need=need,
        topic=topic,
        open_now=open_now,
        this_week=this_week,
        part=known_part,
        free=free,
        access=tuple(access or ()),
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
    what: Annotated[
        str, typer.Argument(metavar="FILE|URL", help="A feed's web address, or a file: JSON, HSDS zip, CSV or YAML.")
    ],
    source: Annotated[str | None, typer.Option(help="Whose services these are, the same each time.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write it; without this it only says what it would do.")] = False,
    approve: Annotated[bool, typer.Option("--approve", help="New services are approved at once.")] = False,
    theirs: Annotated[
        bool, typer.Option("--theirs", help="Where staff changed the same field, take the source's value.")
    ] = False,
    mark_gone: Annotated[bool, typer.Option("--mark-gone", help="What the source no longer has becomes inactive.")] = False,
    all_or_nothing: Annotated[bool, typer.Option("--all-or-nothing", help="Import nothing if one service is refused.")] = False,
    area: Annotated[str | None, typer.Option(help="The area that new services belong to.")] = None,
    keep: Annotated[Path, typer.Option(help="Where pages that have come are kept, to go on after a break.")] = DEFAULT_KEEP,
    allow_loopback: Annotated[bool, typer.Option("--allow-loopback", help="Let a feed on this machine be read.")] = False,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Show what a feed or file would change, row by row; with --apply, import it."""
    if what.casefold().endswith((".yml", ".yaml")):
        _load_yaml(Path(what), database)
        return
    options = Options(
        source=(source or default_source(what))[:100],
        area_id=area,
        approve=approve,
        take_theirs=theirs,
        mark_gone=mark_gone,
        all_or_nothing=all_or_nothing,
    )
    try:
        if is_address(what):
            reading = read_feed(what, keep=keep, limits=Limits(loopback=allow_loopback), progress=_counted("page"))
        else:
            reading = read_bytes(_content(Path(what)), Path(what).name)
        engine = _ready(database)
        if apply:
            plan = run_import(engine, reading, options, progress=_counted("service"))
        else:
            with Session(engine) as session:
                plan = make_plan(session, reading, options, progress=_counted("service"))
    except CannotRead as error:
        typer.echo(str(error))
        typer.echo("Nothing was imported.", err=True)
        raise typer.Exit(1) from error
    except Blocked as error:
        for line in lines(error.plan, applied=False):
            typer.echo(line)
        raise typer.Exit(1) from error
    for line in lines(plan, applied=apply):
        typer.echo(line)
    if plan.services("refuse"):
        raise typer.Exit(1)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # One byte more than may be: whoever reads it says that it is too large.
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CannotRead(path.name, said("file.unopened", why=error.strerror or "")) from error


def default_source(what: str) -> str:
    """Return a name for where services come from: the host of an address, or the file's name without its ending."""
    return (urlsplit(what).hostname or "feed") if is_address(what) else Path(what).stem.casefold()


def _counted(what: str) -> Callable[[int, int], None]:
    """Show progress on a terminal only: a line that is written over."""

    def show(done: int, total: int) -> None:
        if sys.stderr.isatty():
            typer.echo(f"\r{what} {done} of {total}{'' if done < total else chr(10)}", err=True, nl=False)

    return show


def _load_yaml(file: Path, database: str) -> None:
    """Load a file in the form of the demonstration, all or nothing."""
    try:
        count = load_file(_ready(database), file)
    except FileHasProblems as error:
        for problem in error.problems:
            typer.echo(str(problem))
        typer.echo("Nothing was loaded.", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{count} services loaded")


@directory_app.command()
def postcodes(
    file: Annotated[Path, typer.Argument(help="ONSPD or NSPL (CSV), or Code-Point Open (CSV); or the zip it comes in.")],
    northern_ireland: Annotated[
        bool, typer.Option("--northern-ireland", help="Keep BT postcodes too: their licence is a separate one.")
    ] = False,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Keep where postcodes are, from a file of yours, so that distances are true for every home. Show its attribution."""
    try:
        read = load_postcodes(_ready(database), file, northern_ireland=northern_ireland)
    except UnreadablePostcodes as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(str(read))


@directory_app.command()
def template() -> None:
    """Write the empty one-sheet CSV, with one example row."""
    typer.echo(one_sheet.template(), nl=False)


@directory_app.command()
def export(
    form: Annotated[str, typer.Option(help=f"lines, {', '.join(FORMS)}; list is a page to print.")] = "lines",
    out: Annotated[Path | None, typer.Option(help="The file to write; standard output if none.")] = None,
    area: Annotated[str | None, typer.Option(help="Only the services of this area.")] = None,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Write the approved services: as Open Referral UK 3.0, one line of JSON each, or in another form."""
    if form not in ("lines", *FORMS):
        raise typer.BadParameter(f"choose from lines, {', '.join(FORMS)}", param_hint="--form")
    with Session(_ready(database)) as session:
        if form == "lines":
            found = documents(session, area_id=area)
            content = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in found).encode()
        else:
            content = exported(session, form, area_id=area)
    if out is not None:
        out.write_bytes(content)
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


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
    directory = Directory(engine)
    directory.prepare(texts=False)  # where postcodes are; the API looks for words in the database
    app = api_app(engine, directory, public_url=public_url.rstrip("/") if public_url else None)
    uvicorn.run(app, host=host, port=port, lifespan="off", access_log=False, server_header=False)
