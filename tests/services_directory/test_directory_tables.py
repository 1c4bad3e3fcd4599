"""The tables, their migrations, and the revision that every write raises."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, delete, inspect, select, text, update
from sqlalchemy.exc import IntegrityError, NoResultFound
from sqlalchemy.orm import Session

from services_directory import Directory, Query, changes, load_demonstration, migrate, open_engine, writing
from services_directory.database import alembic_config, read_revision
from services_directory.models import PREFIX, VERSION_TABLE, Base, Change, Organisation, Revision, Service, ServiceMode
from services_directory.triggers import EVENTS

NEVER_WATCHED = {Revision.__tablename__, Change.__tablename__}
WATCHED = sorted(
    name for name, table in Base.metadata.tables.items() if name not in NEVER_WATCHED and table.info.get("watched", True)
)


def revision(engine: Engine) -> int:
    with engine.connect() as connection:
        return read_revision(connection)


def service(organisation: Organisation, name: str, **fields: object) -> Service:
    return Service(organisation=organisation, name=name, modes=[ServiceMode(mode="go")], **fields)


def test_models_and_migrations_are_in_step(engine: Engine) -> None:
    with engine.connect() as connection:
        options = {
            "compare_type": True,
            "version_table": VERSION_TABLE,
            "include_name": lambda name, kind, _: kind != "table" or name.startswith(PREFIX),
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_every_table_has_the_directorys_prefix_and_its_own_version_table(engine: Engine) -> None:
    names = inspect(engine).get_table_names()
    assert VERSION_TABLE in names
    assert all(name.startswith(PREFIX) for name in names)


def test_it_leaves_other_tables_and_another_alembic_branch_alone(empty_engine: Engine) -> None:
    with empty_engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('of-the-bot')")
    migrate(empty_engine)
    with empty_engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "of-the-bot"


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    before = revision(engine)
    migrate(engine)
    assert revision(engine) == before


def test_it_can_be_migrated_down_to_nothing_and_up_again(engine: Engine) -> None:
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "base")
    assert inspect(engine).get_table_names() == [VERSION_TABLE]
    migrate(engine)
    assert set(WATCHED) <= set(inspect(engine).get_table_names())


def test_processes_that_start_together_migrate_once(database_url: str) -> None:
    def start(_: int) -> None:
        engine = open_engine(database_url)
        migrate(engine)
        engine.dispose()

    with ThreadPoolExecutor(max_workers=3) as pool:
        # Going through the results raises what a thread raised.
        assert list(pool.map(start, range(3))) == [None] * 3


@pytest.mark.parametrize(
    ("field", "value"),
    [("status", "open"), ("approval", "yes"), ("level_of_need", "high"), ("referral_route", "anyhow")],
)
def test_the_database_refuses_what_is_not_one_of_the_choices(engine: Engine, field: str, value: str) -> None:
    with pytest.raises(IntegrityError), writing(engine) as session:
        session.add(service(Organisation(name="A (example)"), "B (example)", **{field: value}))


def test_the_database_refuses_ages_that_run_backwards(engine: Engine) -> None:
    backwards = service(Organisation(name="A (example)"), "B (example)", minimum_age_months=12, maximum_age_months=-3)
    with pytest.raises(IntegrityError), writing(engine) as session:
        session.add(backwards)


def test_ages_before_birth_and_moments_come_back_as_they_went_in(engine: Engine) -> None:
    with writing(engine) as session:
        row = service(Organisation(name="A (example)"), "B (example)", minimum_age_months=-9, maximum_age_months=0)
        session.add(row)
    with Session(engine) as session:
        stored = session.get_one(Service, row.id)
        assert (stored.minimum_age_months, stored.maximum_age_months) == (-9, 0)
        assert stored.last_modified == row.last_modified


def test_every_table_but_the_revision_itself_is_watched(engine: Engine) -> None:
    if engine.dialect.name == "postgresql":
        query = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
    else:
        query = "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"
    with engine.connect() as connection:
        found = {(table.split(".")[-1], name) for table, name in connection.execute(text(query))}
    noted = {(table, changes.trigger_name(table, event)) for table in changes.WATCHED for event in EVENTS}
    assert found == noted | {(table, f"{table}_{event}_revision") for table in WATCHED for event in EVENTS}


def test_every_kind_of_write_raises_the_revision(demonstration: Directory, engine: Engine) -> None:
    one = select(Service.id).where(Service.source_id == "rhyme-time").scalar_subquery()
    statements = (
        update(Service).where(Service.id == one).values(name="Another name (example)"),
        text("UPDATE directory_phone SET number = '01632 960999'"),
        delete(ServiceMode).where(ServiceMode.service_id == one),
    )
    seen = [revision(engine)]
    for statement in statements:
        with engine.begin() as connection:
            connection.execute(statement)
        seen.append(revision(engine))
    assert seen == sorted(set(seen))


def test_a_write_that_is_rolled_back_does_not_raise_the_revision(engine: Engine) -> None:
    before = revision(engine)

    def change_my_mind() -> None:
        with writing(engine) as session:
            session.add(Organisation(name="A (example)"))
            session.flush()
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        change_my_mind()
    assert revision(engine) == before


def test_an_edit_by_one_directory_shows_in_another(demonstration: Directory, database_url: str, engine: Engine) -> None:
    question = Query(text="swim", place="ZZ1")
    assert [match.service.name for match in demonstration.search(question)] == ["Little Fins Baby Swim (example)"]
    elsewhere = open_engine(database_url)
    with writing(elsewhere) as session:
        row = session.scalars(select(Service).where(Service.source_id == "baby-swim")).one()
        row.name = "Big Fins Baby Swim (example)"
    elsewhere.dispose()
    assert [match.service.name for match in demonstration.search(question)] == ["Big Fins Baby Swim (example)"]


def test_an_unchanged_directory_is_not_loaded_again(demonstration: Directory) -> None:
    question = Query(place="ZZ1", limit=1)
    first = demonstration.search(question)[0].service
    assert demonstration.search(question)[0].service is first


def test_a_deleted_service_takes_all_that_hangs_on_it_along(demonstration: Directory, engine: Engine) -> None:
    with writing(engine) as session:
        row = session.scalars(select(Service).where(Service.source_id == "quiet-line")).one()
        service_id = row.id
        session.delete(row)
    with engine.connect() as connection:
        for table in ("phone", "language", "service_area", "schedule", "service_mode"):
            query = text(f"SELECT count(*) FROM directory_{table} WHERE service_id = :id")
            assert connection.execute(query, {"id": service_id}).scalar_one() == 0, table
        query = text("SELECT count(*) FROM directory_attribute WHERE link_id = :id")
        assert connection.execute(query, {"id": service_id}).scalar_one() == 0


def test_two_writers_at_once_both_succeed_and_neither_waits_for_ever(engine: Engine) -> None:
    load_demonstration(engine)

    def rename(order: list[str]) -> None:
        with writing(engine) as session:
            for source_id in order:
                row = session.scalars(select(Service).where(Service.source_id == source_id)).one()
                row.alternate_name = order[0]
                session.flush()
                time.sleep(0.05)

    # In opposite orders: without taking turns, each would hold what the other needs.
    orders = (["rhyme-time", "baby-swim"], ["baby-swim", "rhyme-time"])
    with ThreadPoolExecutor(max_workers=2) as pool:
        assert list(pool.map(rename, orders, timeout=30)) == [None, None]
    with Session(engine) as session:
        names = session.scalars(select(Service.alternate_name).where(Service.source_id.in_(("rhyme-time", "baby-swim")))).all()
    assert len(set(names)) == 1


def test_a_directory_without_tables_says_so(empty_engine: Engine) -> None:
    with pytest.raises(Exception, match="directory_revision"):
        Directory(empty_engine).search(Query())


def test_a_directory_without_its_revision_row_says_so(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(delete(Revision))
    with pytest.raises(NoResultFound):
        Directory(engine).search(Query())
