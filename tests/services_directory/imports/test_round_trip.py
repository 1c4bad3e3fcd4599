"""Out and in again changes nothing, in every form; what goes out is valid by the published schemas; the commands."""

from __future__ import annotations

import json
import os
import re
import zipfile
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from services_directory import Directory, ImportOptions, migrate, models, open_engine, run_import, writing
from services_directory.cli import directory_app
from services_directory.imports.exporting import FORMS, TABLES, export
from services_directory.imports.planning import make_plan
from services_directory.imports.readers import read_bytes
from tests.services_directory.imports.test_import import one
from tests.services_directory.imports.writer import feed, page

FILES = [form for form in FORMS if form != "list"]
BASE = "https://openreferraluk.org/specifications/3.0/schema/"
runner = CliRunner()


@pytest.fixture(scope="session")
def standards() -> Path:
    default = Path(__file__).parents[3].parent / "shared" / "standards"
    found = Path(os.environ.get("WREN_STANDARDS_DIR") or default)
    if not found.is_dir():
        pytest.skip(f"the published standards are not in {found}; set WREN_STANDARDS_DIR to where they are")
    return found


def imported(engine: Engine, version: int = 3, count: int = 150) -> None:
    content = json.dumps(page(feed(count, version), version)).encode()
    run_import(engine, read_bytes(content, "feed.json"), ImportOptions(source="feed", approve=True))


def taken_out(engine: Engine, form: str) -> bytes:
    with Session(engine) as session:
        return export(session, form)


def no_change(engine: Engine, content: bytes, source: str) -> None:
    with Session(engine) as session:
        plan = make_plan(session, read_bytes(content, "back"), ImportOptions(source=source))
    changed = [(row.kind, row.name, row.changes, row.conflicts) for row in plan.rows if row.changes or row.conflicts]
    assert changed == [] and not plan.services("add") and not plan.services("refuse")
    assert not any(row.action == "add" for row in plan.rows)


@pytest.mark.parametrize("form", FILES)
def test_the_demonstration_comes_back_unchanged(demonstration: Directory, engine: Engine, form: str) -> None:
    content = taken_out(engine, form)
    no_change(engine, content, "another name")
    assert content == taken_out(engine, form)


@pytest.mark.parametrize("form", FILES)
@pytest.mark.parametrize("version", [1, 3])
def test_an_imported_feed_goes_out_and_comes_back_unchanged(tmp_path: Path, form: str, version: int) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    migrate(engine)
    imported(engine, version)
    no_change(engine, taken_out(engine, form), "feed")
    other = open_engine(f"sqlite:///{tmp_path / 'b.db'}")
    migrate(other)
    reading = read_bytes(taken_out(engine, form), "back")
    assert len(run_import(other, reading, ImportOptions(source="copy")).services("add")) == 150
    with Session(other) as session:
        assert make_plan(session, reading, ImportOptions(source="copy")).nothing_to_do


def with_single_dates(engine: Engine) -> None:
    """One service that is full, with a cancelled date to come, one of one rule alone, and an extra one of it."""
    coming = date.today() + timedelta(days=30)
    rules = [{"id": day, "freq": "WEEKLY", "byday": day, "opens_at": "10:00"} for day in ("TU", "WE")]
    run_import(engine, read_bytes(json.dumps([one(schedules=rules)]).encode(), "a"), ImportOptions(source="feed", approve=True))
    with writing(engine) as session:
        service = session.scalars(select(models.Service)).one()
        service.full_since = date(2026, 11, 20)
        tuesday = next(row.id for row in service.schedules if row.byday == "TU")
        for kind, days, schedule in (("cancelled", 0, None), ("cancelled", 3, tuesday), ("extra", 5, tuesday)):
            session.add(
                models.ServiceException(
                    service_id=service.id, schedule_id=schedule, date=coming + timedelta(days=days), kind=kind, note="Snow."
                )
            )


@pytest.mark.parametrize("form", ["oruk", "hsds-json", "hsds-zip"])
def test_full_cancelled_and_extra_go_out_and_come_back(engine: Engine, tmp_path: Path, form: str) -> None:
    with_single_dates(engine)
    content = taken_out(engine, form)
    no_change(engine, content, "feed")
    other = open_engine(f"sqlite:///{tmp_path / 'b.db'}")
    migrate(other)
    run_import(other, read_bytes(content, "back"), ImportOptions(source="copy", approve=True))
    with Session(other) as session:
        service = session.scalars(select(models.Service)).one()
        assert service.full_since == date(2026, 11, 20) and len(service.schedules) == 2
        found = [(row.kind, row.schedule.byday if row.schedule else None, row.note) for row in service.exceptions]
    assert sorted(found, key=str) == [("cancelled", "TU", "Snow."), ("cancelled", None, "Snow."), ("extra", "TU", "Snow.")]


def test_single_dates_are_valid_by_the_published_schema_and_said_on_the_wall(engine: Engine, standards: Path) -> None:
    with_single_dates(engine)
    (item,) = json.loads(taken_out(engine, "oruk"))["contents"]
    assert valid(standards, item) == []
    assert item["capacities"][0] | {"id": "", "unit": ""} == {
        "id": "", "service_id": item["id"], "unit": "", "available": 0, "updated": "2026-11-20T00:00:00+00:00",
    }  # fmt: skip
    assert len(item["schedule_exceptions"]) == 3 and len([row for row in item["schedules"] if row.get("extra_date")]) == 1
    wall, sheet = taken_out(engine, "list").decode(), taken_out(engine, "csv").decode()
    assert wall.count("<p>Not on ") == 2 and wall.count("<p>Also on ") == 1 and wall.count("Tuesday") == 1
    assert (sheet.count(",TU,"), sheet.count(",WE,")) == (1, 1)


def test_a_date_that_staff_cancelled_outlives_new_times_of_its_rule_s_service(engine: Engine) -> None:
    with_single_dates(engine)
    rules = [{"id": day, "freq": "WEEKLY", "byday": day, "opens_at": "10:00"} for day in ("TU", "TH")]
    reading = read_bytes(json.dumps([one(schedules=rules)]).encode(), "a")
    run_import(engine, reading, ImportOptions(source="feed"))
    with Session(engine) as session:
        service = session.scalars(select(models.Service)).one()
        assert sorted(row.byday or "" for row in service.schedules) == ["TH", "TU"]
        assert sorted(row.schedule.byday if row.schedule else "" for row in service.exceptions) == ["", "TU", "TU"]
        assert service.full_since == date(2026, 11, 20)


@pytest.mark.parametrize("form", FORMS)
def test_a_private_address_goes_out_in_no_form(demonstration: Directory, engine: Engine, form: str) -> None:
    content = taken_out(engine, form)
    if form == "hsds-zip":
        archive = zipfile.ZipFile(BytesIO(content))
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert b"Quiet Harbour safe house" in content
    assert b"99 Example Avenue" not in content and b"ZZ1 1ZZ" not in content


def test_the_wall_list_escapes_and_says_when_a_service_was_checked(demonstration: Directory, engine: Engine) -> None:
    with writing(engine) as session:
        one = select(models.Service.id).where(models.Service.source_id == "rhyme-time").scalar_subquery()
        session.execute(update(models.Service).where(models.Service.id == one).values(name="<script>x</script>"))
    wall = taken_out(engine, "list").decode()
    assert "<script" not in wall and "&lt;script&gt;" in wall and "<h2>Larkmoor</h2>" in wall
    assert re.search(r"Checked \d{1,2} [A-Z][a-z]+ 20\d\d\.", wall) and "<p>£1.00 a family</p>" in wall and "<p>Free</p>" in wall


def valid(standards: Path, document: Any) -> list[str]:
    folder = standards / "oruk_3.0" / "schema"
    schemas = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    resources = [(BASE + name, Resource.from_contents(item, default_specification=DRAFT202012)) for name, item in schemas.items()]
    registry: Registry[Any] = Registry().with_resources(resources)
    validator = Draft202012Validator(schemas["service.json"], registry=registry)
    return [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(document)]


@pytest.mark.parametrize("version", [1, 3])
def test_what_came_from_a_bad_feed_goes_out_valid(tmp_path: Path, standards: Path, version: int) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    migrate(engine)
    imported(engine, version, 60)
    contents = json.loads(taken_out(engine, "oruk"))["contents"]
    assert len(contents) == 60
    assert [found for item in contents for found in valid(standards, item)] == []


def test_the_tables_have_the_columns_of_the_published_package(engine: Engine, standards: Path) -> None:
    package = json.loads((standards / "hsds_3.0" / "datapackage.json").read_text(encoding="utf-8"))
    known = {
        item["path"].removesuffix(".csv"): {one["name"] for one in item["schema"]["fields"]} for item in package["resources"]
    }
    known["taxonomies"] = {"id", "name", "description"}
    ours = {"level_of_need", "referral_route", "modes", "interpreter", "wait_time_date", "visible_from", "visible_to", "nation",
            "minimum_age_months", "maximum_age_months", "family_hub", "private"}  # fmt: skip
    # HSDS has these from 3.1 on; single dates are our own.
    known |= {"service_capacity": {"id", "service_id", "unit_id", "available", "updated"}, "unit": {"id", "name"}}
    ours |= {"part_of", "rule_valid_from", "rule_valid_to", "anchored", "extra_date"}
    for table, columns in TABLES.items():
        assert table == "schedule_exceptions" or set(columns) - known[table] <= ours, table


@pytest.mark.parametrize(
    "name",
    ["oruk_3.0/examples/service_full.json", "oruk_3.0/examples/service_list.json", "hsds_3.0/examples/service_full.json"],
)
def test_the_official_examples_are_imported(engine: Engine, standards: Path, name: str) -> None:
    reading = read_bytes((standards / name).read_bytes(), name)
    assert len(run_import(engine, reading, ImportOptions(source="official")).services("add")) == 1
    with Session(engine) as session:
        assert make_plan(session, reading, ImportOptions(source="official")).nothing_to_do


def test_the_official_tables_are_imported(engine: Engine, standards: Path) -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted((standards / "hsds_3.0" / "examples" / "csv").glob("*.csv")):
            archive.write(path, path.name)
    run_import(engine, read_bytes(out.getvalue(), "hsds.zip"), ImportOptions(source="official"))
    with Session(engine) as session:
        service = session.scalars(select(models.Service)).one()
        assert (service.name, service.organisation.name) == ("Community Counselling", "Example Organization Inc.")
        assert [phone.number for phone in service.phones] == ["+44 1234 234567"]
        assert [row.byday for row in service.schedules] == ["TH,FR"]


def test_the_commands_say_first_and_write_only_when_told(tmp_path: Path) -> None:
    database, path = f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "feed.json"
    path.write_text(json.dumps([*feed(5), {"name": "No id"}]), encoding="utf-8")
    arguments = ["import", str(path), "--source", "larkmoor", "--database", database]
    first = runner.invoke(directory_app, arguments)
    assert first.exit_code == 1 and "5 services would be added" in first.stdout and "with --apply" in first.stdout
    assert "5 services added" in runner.invoke(directory_app, [*arguments, "--apply", "--approve"]).stdout
    assert "nothing to change" in runner.invoke(directory_app, arguments).stdout
    assert runner.invoke(directory_app, [*arguments, "--apply", "--all-or-nothing"]).exit_code == 1
    for form in FORMS:
        out = tmp_path / f"out.{form}"
        result = runner.invoke(directory_app, ["export", "--form", form, "--out", str(out), "--database", database])
        assert result.exit_code == 0 and out.stat().st_size > 500
    assert runner.invoke(directory_app, ["export", "--form", "pdf", "--database", database]).exit_code == 2
    assert runner.invoke(directory_app, ["import", "http://127.0.0.1:9/x", "--database", database]).exit_code == 1
    assert "Organisation" in runner.invoke(directory_app, ["template"]).stdout
