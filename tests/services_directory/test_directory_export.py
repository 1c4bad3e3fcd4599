"""Services as Open Referral UK 3.0, against the published schemas themselves."""

import json
import os
import uuid
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from services_directory import Directory, writing
from services_directory import models as tables
from services_directory.directory import whole_service
from services_directory.export import to_oruk

BASE = "https://openreferraluk.org/specifications/3.0/schema/"
FORMATS = FormatChecker()


def is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme and urlsplit(value).netloc)


def is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


# Without further packages, jsonschema checks neither of these.
FORMATS.checks("uri")(is_uri)
FORMATS.checks("date-time", raises=ValueError)(is_moment)


@pytest.fixture(scope="session")
def folder() -> Path:
    default = Path(__file__).parents[2].parent / "shared" / "standards"
    found = Path(os.environ.get("WREN_STANDARDS_DIR") or default) / "oruk_3.0"
    if not found.is_dir():
        pytest.skip(f"Open Referral UK 3.0 is not in {found}; set WREN_STANDARDS_DIR to the folder of standards")
    return found


@pytest.fixture(scope="session")
def validator(folder: Path) -> Draft202012Validator:
    schemas = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (folder / "schema").glob("*.json")}
    resources = [
        (BASE + name, Resource.from_contents(schema, default_specification=DRAFT202012)) for name, schema in schemas.items()
    ]
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator(schemas["service.json"], registry=registry, format_checker=FORMATS)


def exported(engine: Engine) -> Iterator[dict[str, Any]]:
    with Session(engine) as session:
        for service in session.scalars(select(tables.Service).options(*whole_service())):
            # As it would go over the wire.
            yield json.loads(json.dumps(to_oruk(service)))


def full_service() -> tables.Service:
    """Return a service in which every field that the standard knows is filled."""
    owner = tables.Organisation(
        name="Everything (example)",
        description="",
        email="a@example.org",
        website="https://www.example.org/",
        logo="https://www.example.org/logo.png",
        uri="https://www.example.org/id",
        identifiers=[tables.OrganisationIdentifier(identifier_scheme="GB-CHC", identifier_type="Charity", identifier="0")],
    )
    place = tables.Location(
        name="Hall (example)",
        latitude=55.0,
        longitude=2.4,
        external_identifier="000",
        external_identifier_type="UPRN",
        transportation="A bus",
        addresses=[
            tables.Address(address_1="1 Example Street", city="Larkmoor", state_province="Larkmoor", postal_code="ZZ1 1AA")
        ],
        accessibility=[tables.Accessibility(description="Step-free", details="At the side")],
    )
    vocabulary = tables.Taxonomy(name="another vocabulary", description="Invented.")
    term = tables.TaxonomyTerm(taxonomy=vocabulary, code="x", name="X", description="")
    at = tables.ServiceAtLocation(location=place, description="Upstairs")
    service = tables.Service(
        organisation=owner,
        name="Everything (example)",
        description="All of it.",
        minimum_age_months=-9,
        maximum_age_months=6,
        alert="Mind the step.",
        interpreter=True,
        assured_date=date(2026, 11, 1),
        assurer_email="b@example.org",
        modes=[tables.ServiceMode(mode="go")],
        service_at_locations=[at],
        contacts=[tables.Contact(title="Reception", email="c@example.org")],
        languages=[tables.Language(code="ur", name="Urdu")],
        cost_options=[tables.CostOption(amount=Decimal("2.50"), option="A child", valid_from=date(2026, 1, 1))],
        service_areas=[tables.ServiceArea(name="Larkmoor", description="All", uri="https://www.example.org/area")],
        funding=[tables.Funding(source="Invented")],
        phones=[tables.Phone(number="01632 960100", extension=1, type="voice")],
        attributes=[tables.Attribute(link_entity="service", taxonomy_term=term)],
    )
    service.schedules = [
        tables.Schedule(
            service_at_location=at,
            freq="MONTHLY",
            byday="2MO",
            dtstart=date(2026, 1, 12),
            until=date(2026, 12, 31),
            opens_at=time(10),
            closes_at=time(11, 30),
            schedule_link="https://www.example.org/times",
        )
    ]
    return service


def errors(validator: Draft202012Validator, document: object) -> list[str]:
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(document)]


def test_the_validator_takes_the_official_example_and_refuses_a_broken_one(validator: Draft202012Validator, folder: Path) -> None:
    example = json.loads((folder / "examples" / "service_full.json").read_text(encoding="utf-8"))
    assert errors(validator, example) == []
    for field, value in (("name", None), ("email", "nobody"), ("url", "x"), ("id", "1"), ("status", "open")):
        assert errors(validator, example | {field: value}), field
    nested = example | {"organization": {"id": str(uuid.uuid4()), "name": "No description (example)"}}
    assert errors(validator, nested)


def test_the_whole_demonstration_is_valid(demonstration: Directory, engine: Engine, validator: Draft202012Validator) -> None:
    documents = list(exported(engine))
    assert len(documents) >= 60
    for document in documents:
        assert errors(validator, document) == [], document["name"]


def test_a_service_with_everything_is_valid(engine: Engine, validator: Draft202012Validator) -> None:
    with writing(engine) as session:
        session.add(full_service())
    (document,) = exported(engine)
    assert errors(validator, document) == []
    assert document["organization"]["description"] == ""
    assert document["attributes"][0]["taxonomy_term"]["name"] == "X"


def test_a_service_with_hardly_anything_is_valid(engine: Engine, validator: Draft202012Validator) -> None:
    with writing(engine) as session:
        session.add(tables.Service(organisation=tables.Organisation(name="A (example)"), name="B (example)"))
    (document,) = exported(engine)
    assert errors(validator, document) == []


def test_nothing_is_null(demonstration: Directory, engine: Engine) -> None:
    assert all("null" not in json.dumps(document) for document in exported(engine))


def test_phones_languages_and_ages_go_out_under_hsds_names(engine: Engine) -> None:
    with writing(engine) as session:
        session.add(full_service())
    (document,) = exported(engine)
    assert [(phone["number"], phone["extension"]) for phone in document["phones"]] == [("01632 960100", 1)]
    assert [(language["code"], language["name"]) for language in document["languages"]] == [("ur", "Urdu")]
    assert (document["minimum_age"], document["maximum_age"]) == (0, 0.5)
    assert (document["minimum_age_months"], document["maximum_age_months"]) == (-9, 6)
    assert document["schedules"][0]["service_at_location_id"] == document["service_at_locations"][0]["id"]
    assert document["schedules"][0]["opens_at"] == "10:00:00"


def test_a_private_address_does_not_go_out(demonstration: Directory, engine: Engine) -> None:
    (refuge,) = [document for document in exported(engine) if document["name"].startswith("Quiet Harbour safe house")]
    location = refuge["service_at_locations"][0]["location"]
    assert location["description"] == "Larkmoor, ZZ1"
    assert not {"addresses", "latitude", "longitude"} & location.keys()
    assert "99 Example Avenue" not in json.dumps(refuge)
    assert "ZZ1 1ZZ" not in json.dumps(refuge)
