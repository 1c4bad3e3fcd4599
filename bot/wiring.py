"""Puts the parts of one process together from the settings. No part knows this module."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select

from bot.actions.actions import Actions
from bot.conversation.commands import Commands
from bot.conversation.compose import Composer
from bot.conversation.decide import Thresholds
from bot.conversation.facts import FactWords
from bot.conversation.handlers import Handlers
from bot.conversation.intake import Intake
from bot.conversation.journey import SURE, Journey
from bot.conversation.rasa import RasaClient
from bot.conversation.registry import TurnRegistry
from bot.conversation.render import Renderer
from bot.conversation.router import Router
from bot.conversation.spool import Spool
from bot.delivery.hub import Hub
from bot.desk.published import PublishedWords
from bot.handoff.hours import Teams, load_teams
from bot.handoff.sampling import Reviewing, Sampling, load_reviewing, load_sampling
from bot.kept import Kept
from bot.languages import Detector, supported
from bot.library import Library
from bot.library.yamlfile import read_yaml
from bot.messages import Inbound
from bot.models import triage_model_path
from bot.people.forgotten import ForgottenList
from bot.retention.schedule import Schedule, load_schedule
from bot.settings import ROOT, Settings
from bot.storage.crypto import Keyring
from bot.storage.engine import Database
from bot.storage.migrate import VERSION_TABLE, migrate
from bot.storage.standing import bring_up, why_unfit
from bot.storage.tables import Area
from bot.storage.unfit import Unfit
from bot.storage.upsert import insert
from bot.triage import Triage
from bot.triage.measured import NAME as MEASURED
from bot.triage.measured import Measured
from bot.triage.reader import LANGUAGE_MODEL, MODEL_NAME
from services_directory import Directory, load_demonstration, open_engine, versions
from services_directory import migrate as migrate_directory
from services_directory.models import VERSION_TABLE as DIRECTORY_VERSION_TABLE


@dataclass(kw_only=True)
class Parts:
    """Everything one process needs, made once. `rasa` may be set later, when Rasa's address is known."""

    settings: Settings
    database: Database
    keyring: Keyring
    library: Library
    triage: Triage
    detector: Detector
    facts: FactWords
    commands: Commands
    thresholds: Thresholds
    topics: tuple[str, ...]
    teams: Teams
    sampling: Sampling
    reviewing: Reviewing
    schedule: Schedule
    directory_engine: Engine
    directory: Directory
    hub: Hub
    renderer: Renderer
    registry: TurnRegistry
    intake: Intake
    journey: Journey
    actions: Actions
    rasa: RasaClient | None = None

    def dispose(self) -> None:
        self.database.dispose()
        self.directory_engine.dispose()


def topic_ids(root: Path = ROOT) -> tuple[str, ...]:
    """Every topic that the NLU learns, from `content/topics.yml`."""
    return tuple(read_yaml(root / "content" / "topics.yml", root)["topics"])


class LanguageGuess:
    """The language of a new person: what the message is plainly in, else what their app is set to, else English."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._codes = {language.code for language in supported()}

    def __call__(self, inbound: Inbound) -> str:
        hint = (inbound.locale or "").replace("_", "-").split("-")[0].lower()
        hint = hint if hint in self._codes else "en"
        if len(inbound.text.split()) < 3:
            return hint
        found = self._detector.detect(inbound.text, hint)
        return found.lang if found.lang in self._codes and found.confidence >= SURE else hint


def prepare_database(settings: Settings, database: Database) -> None:
    """Create and migrate all tables, the areas, and (in a demonstration) the fictional directory. Safe to repeat, and on newer tables."""
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    migrate(database.engine)
    _add_areas(settings, database)
    engine = open_engine(settings.database)
    try:
        migrate_directory(engine)
        if settings.demonstration:
            load_demonstration(engine)
    finally:
        engine.dispose()


def ready_database(settings: Settings, database: Database) -> None:
    """Make a database ready for one command: an embedded one as at a start of `bot run`, a shared one only if `bot migrate` has
    prepared it. Raises `Unfit`."""
    if database.is_sqlite:
        prepare_database(settings, database)
        return
    bring_up(database)
    _add_areas(settings, database)


def versions_of(database: Database) -> dict[str, str]:
    """The versions that the app's tables and the directory's are at, "none" where there are none. Blocking."""
    tables = {"tables": VERSION_TABLE, "directory": DIRECTORY_VERSION_TABLE}
    return {name: max(versions.applied(database.engine, table), default="none") for name, table in tables.items()}


def use_database(settings: Settings, database: Database) -> None:
    """Take up a database that `bot migrate` has prepared, and add the areas that content/team.yml has got since. Raises `Unfit`."""
    require_keys(settings)
    why = why_unfit(database, Keyring(settings.keys()))
    if why is not None:
        raise Unfit(why)
    _add_areas(settings, database)


def require_keys(settings: Settings) -> None:
    """Raises `Unfit` where several machines may share a database and each would make keys of its own."""
    if settings.secret_keys is None and not settings.database.startswith("sqlite"):
        raise Unfit(
            "WREN_DATABASE_URL names a database that several machines may share, and WREN_SECRET_KEYS is not set: each would make a key "
            "of its own, and none could read what another has stored. Make a key with `bot new-key` and give it to every machine."
        )


def _add_areas(settings: Settings, database: Database) -> None:
    areas = {settings.area: settings.area} | {team.area_id: team.name for team in load_teams(ROOT).values()}
    with database.read() as session:
        new = areas.keys() - set(session.scalars(select(Area.id)))
    if new:
        with database.write() as session:  # another process may be adding them at this moment
            rows = [{"id": area_id, "name": areas[area_id]} for area_id in sorted(new)]
            session.execute(insert(session, Area).on_conflict_do_nothing(), rows)


def build(settings: Settings, *, migrated: bool = False) -> Parts:
    """All parts of a process, on a migrated database. Raises `DataError` if content cannot be used."""
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    if not migrated:
        prepare_database(settings, database)
    keyring = Keyring(settings.keys())
    kept = Kept(settings.kept_dir)
    library = Library.load(ROOT, kept).overlaid(PublishedWords(database))
    library.refresh()
    models = triage_model_path(settings)
    triage = Triage.load(ROOT / "content", models / MODEL_NAME, kept=kept)
    detector = Detector.load(ROOT / "content", models / LANGUAGE_MODEL)
    facts = FactWords.load(ROOT)
    thresholds = Thresholds.load(ROOT)
    topics = topic_ids()
    teams = load_teams(ROOT)
    schedule = load_schedule(ROOT)
    directory_engine = open_engine(settings.database)
    directory = Directory(directory_engine)
    hub = Hub()
    renderer = Renderer(library, Measured.load(ROOT / "content" / MEASURED).needs_help)
    registry = TurnRegistry()
    handlers = Handlers(library, facts)
    commands = Commands.load(ROOT)
    intake = Intake(
        database=database,
        keyring=keyring,
        triage=triage,
        renderer=renderer,
        teams=teams,
        guess_language=LanguageGuess(detector),
        spool=Spool(settings.spool_dir, keyring),
        area_id=settings.area,
        raw_days=settings.raw_event_days,
        per_minute=settings.person_per_minute,
        is_command=lambda text: commands.find(text, "en") is not None,
        wake=lambda: hub.publish("inbox", "outbox", "queue"),
    )
    parts: Parts
    journey = Journey(
        database=database,
        keyring=keyring,
        renderer=renderer,
        router=Router(handlers, commands),
        handlers=handlers,
        composer=Composer(handlers, library, settings.demonstration),
        registry=registry,
        rasa=lambda: parts.rasa,
        directory=directory,
        detector=detector,
        teams=teams,
        lease_seconds=settings.lease_seconds,
        tombstones_end=schedule.period("tombstones").after,
        forgotten=ForgottenList(settings.forgotten_path, keyring),
    )
    parts = Parts(
        settings=settings,
        database=database,
        keyring=keyring,
        library=library,
        triage=triage,
        detector=detector,
        facts=facts,
        commands=commands,
        thresholds=thresholds,
        topics=topics,
        teams=teams,
        sampling=load_sampling(ROOT),
        reviewing=load_reviewing(ROOT),
        schedule=schedule,
        directory_engine=directory_engine,
        directory=directory,
        hub=hub,
        renderer=renderer,
        registry=registry,
        intake=intake,
        journey=journey,
        actions=Actions(library, directory, facts, thresholds, topics),
    )
    return parts


__all__ = [
    "LanguageGuess",
    "Parts",
    "build",
    "prepare_database",
    "ready_database",
    "require_keys",
    "topic_ids",
    "use_database",
    "versions_of",
]
