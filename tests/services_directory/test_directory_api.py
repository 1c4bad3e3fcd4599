"""The API as its callers see it: every answer against the published schemas, filters, paging, tags, lines, hostile queries."""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event, select
from starlette.applications import Starlette
from starlette.routing import Mount

from services_directory import Directory, load_demonstration, migrate, open_engine, writing
from services_directory import models as tables
from services_directory.api import api_app
from services_directory.api.filters import Around, squared_metres
from services_directory.api.pages import BATCH
from services_directory.api.parameters import ENDPOINTS
from services_directory.database import reading
from services_directory.places import Place, miles_between
from tests.services_directory.official import errors, standard

TODAY = date(2026, 11, 21)
LISTS = ("services", "service_at_locations", "organizations", "taxonomies", "taxonomy_terms")
SINGLE = {
    "services": "service",
    "service_at_locations": "service_at_location",
    "organizations": "organization",
    "taxonomies": "taxonomy",
    "taxonomy_terms": "taxonomy_term",
}
Get = Callable[..., httpx.Response]


class Clock:
    """A clock that a test may set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Caller:
    """Somebody's program: asks the application in process, over its real HTTP interface."""

    def __init__(self, engine: Engine, **options: Any) -> None:
        self.clock = Clock()
        self.app = api_app(engine, Directory(engine, clock=self.clock), clock=self.clock, **options)

    async def __call__(self, path: str, *, method: str = "GET", **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://directory.example.org") as client:
            return await client.request(method, path, **options)

    async def json(self, path: str, **params: Any) -> Any:
        answer = await self(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def names(self, path: str = "/services", **params: Any) -> list[str]:
        page = await self.json(path, **{"per_page": 500} | params)
        return [one["name"] if "name" in one else one["service"]["name"] for one in page["contents"]]


@pytest.fixture
def caller(engine: Engine) -> Caller:
    return Caller(engine)


@pytest.fixture
def demo(engine: Engine) -> Caller:
    load_demonstration(engine, today=TODAY)
    return Caller(engine)


def add(engine: Engine, *rows: tables.Base) -> None:
    with writing(engine) as session:
        session.add_all(rows)


def service(name: str, **fields: Any) -> tables.Service:
    owner = fields.pop("organisation", None) or tables.Organisation(name=f"Owner of {name}", description="")
    return tables.Service(name=name, organisation=owner, **{"approval": "approved"} | fields)


def venue(name: str, **fields: Any) -> tables.Location:
    postcode = fields.pop("postal_code", "ZZ1 1AA")
    address = tables.Address(address_1=f"1 {name} Road", city="Larkmoor", state_province="Larkmoor", postal_code=postcode)
    return tables.Location(name=name, addresses=[address], **fields)


# ---- The standard -----------------------------------------------------------------------------------------------------


async def test_the_root_says_which_standard_it_speaks(caller: Caller) -> None:
    about = await caller.json("/")
    assert about["version"] == "HSDS-UK-3.0"
    assert errors("api_details", about) == []
    assert about["openapi_url"] == "http://directory.example.org/openapi.json"
    assert (await caller("/openapi.json")).json()["openapi"] == "3.0.3"


async def valid_pages(caller: Caller, name: str, **params: Any) -> list[dict[str, Any]]:
    """The first, the middle and the last page of a list, each found valid; and one record from each by itself."""
    first = await caller.json(f"/{name}", **params)
    pages = first["total_pages"]
    found = []
    for number in sorted({1, (pages + 1) // 2 or 1, pages or 1}):
        page = await caller.json(f"/{name}", page=number, **params)
        assert errors(f"{SINGLE[name]}_list" if name != "taxonomies" else "taxonomy_list", page) == []
        assert page["page_number"] == number and page["size"] == len(page["contents"])
        assert (page["first_page"], page["last_page"], page["empty"]) == (number == 1, number >= pages, not page["contents"])
        for record in page["contents"]:
            assert errors(SINGLE[name], record) == [] or params.get("minimal")
            whole = await caller.json(f"/{name}/{record['id']}")
            assert errors(SINGLE[name], whole) == []
            assert whole["id"] == record["id"]
            found.append(whole)
    return found


@pytest.mark.parametrize("name", LISTS)
async def test_the_demonstration_is_valid_on_first_middle_and_last_page(demo: Caller, name: str) -> None:
    assert await valid_pages(demo, name, per_page=3)
    assert (await demo.json(f"/{name}", per_page=3))["total_items"] > 0


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("services", {"full": "true"}),
        ("services", {"minimal": "true", "per_page": 30}),
        ("service_at_locations", {"full": "true", "per_page": 7}),
        ("organizations", {"full": "true", "per_page": 7}),
        ("organizations", {"full_service": "true", "per_page": 7}),
    ],
)
async def test_the_larger_and_smaller_forms_of_lists_are_valid(demo: Caller, name: str, params: dict[str, Any]) -> None:
    assert await valid_pages(demo, name, **params)


@pytest.mark.parametrize("name", LISTS)
async def test_an_empty_directory_gives_empty_pages(caller: Caller, name: str) -> None:
    page = await caller.json(f"/{name}")
    assert page["contents"] == [] and page["empty"] is True and page["total_items"] == page["total_pages"] == 0
    assert errors("empy_list_response", {**page, "contents": []}) == []


# ---- Awkward shapes ---------------------------------------------------------------------------------------------------


def awkward() -> list[tables.Base]:
    """Records as real feeds have them: hardly anything, only a postal address, private, other scripts, broken addresses."""
    refuge = venue("Refuge", private=True, latitude=55.01, longitude=2.41, description="Behind 9 Secret Street")
    postal = tables.Location(
        name="",
        location_type="postal",
        addresses=[
            tables.Address(address_1="PO Box 1", city="Larkmoor", state_province="", postal_code="ZZ1 9ZZ", address_type="postal")
        ],
    )
    terms = tables.Taxonomy(name="Słowa", description="", uri="not a uri")
    child = tables.TaxonomyTerm(taxonomy=terms, code="x", name="শিশু", description="", term_uri="https://example.org/ń a")
    return [
        service("Nothing else"),
        service("By post", service_at_locations=[tables.ServiceAtLocation(location=postal)]),
        service(
            "Refuge", service_at_locations=[tables.ServiceAtLocation(location=refuge, description="Ring at 9 Secret Street")]
        ),
        service(
            'সহায়তা "والدین" 👶 <b>&amp;</b>',
            url="https://example.org/a b/ü?q=ł",
            email="not an address",
            assurer_email="ä@example.org",
            description="<p>HTML & \u202eturned\u202c</p>\n\tlines\u2028more",
            status="temporarily closed",
            minimum_age_months=-9,
            maximum_age_months=0,
            source="feed",
            source_id="../1?x",
            attributes=[tables.Attribute(link_entity="service", taxonomy_term=child)],
            organisation=tables.Organisation(
                name="ü", description="", website="javascript:alert(1)", email="@", uri="x", logo="y"
            ),
            languages=[tables.Language(code="ur"), tables.Language(code="bn", name="বাংলা")],
            phones=[tables.Phone(number="01632 960100"), tables.Phone(number="111", type="text", extension=0)],
        ),
    ]


@pytest.mark.parametrize("params", [{}, {"full": "true"}], ids=["short", "full"])
async def test_awkward_shapes_are_valid(engine: Engine, caller: Caller, params: dict[str, str]) -> None:
    add(engine, *awkward())
    for name in LISTS:
        assert await valid_pages(caller, name, per_page=1, **params)


async def test_web_addresses_are_escaped_and_what_is_no_address_is_left_out(engine: Engine, caller: Caller) -> None:
    add(engine, *awkward())
    (one,) = (await caller.json("/services", search="সহায়তা", full="true"))["contents"]
    assert one["url"] == "https://example.org/a%20b/%C3%BC?q=%C5%82"
    assert not {"email", "assurer_email"} & one.keys()
    assert not {"website", "email", "uri"} & one["organization"].keys()
    assert one["attributes"][0]["taxonomy_term"]["term_uri"] == "https://example.org/%C5%84%20a"
    assert sorted((each["code"], each.get("name")) for each in one["languages"]) == [("bn", "বাংলা"), ("ur", None)]
    assert {each["number"] for each in one["phones"]} == {"01632 960100", "111"}
    assert one["name"] == 'সহায়তা "والدین" 👶 <b>&amp;</b>'


async def test_a_private_address_stays_hidden_in_every_form_and_from_every_distance(engine: Engine, caller: Caller) -> None:
    near = service(
        "Open hall", service_at_locations=[tables.ServiceAtLocation(location=venue("Hall", latitude=55.01, longitude=2.41))]
    )
    add(engine, *awkward(), near)
    for path in ("/services", "/service_at_locations", "/organizations"):
        for params in ({"full": "true"}, {"format": "ndjson", "full": "true"}, {}, {"full_service": "true"}):
            text = (await caller(path, params=params)).text
            assert "Secret" not in text and "Refuge Road" not in text
    page = await caller.json("/service_at_locations", full="true", search="Refuge")
    location = page["contents"][0]["location"]
    assert location["description"] == "Larkmoor, ZZ1"
    assert not {"latitude", "longitude", "addresses"} & location.keys()
    for proximity in (0, 100, 20_000_000):
        params = {"postcode": "ZZ1 1AA", "proximity": proximity}
        assert await caller.names(**params) == ["Open hall"]
        assert await caller.names("/service_at_locations", **params) == ["Open hall"]


async def test_only_what_is_approved_and_visible_today_is_published(engine: Engine, caller: Caller) -> None:
    day = timedelta(days=1)
    link = [tables.ServiceAtLocation(location=venue("Hall"))]
    hidden = [service(f"hidden {one}", approval=one) for one in ("draft", "pending", "withdrawn")]
    hidden += [service("hidden over", visible_to=TODAY - day), service("hidden early", visible_from=TODAY + day)]
    hidden[0].service_at_locations = link
    shown = [service("shown", visible_from=TODAY, visible_to=TODAY), service("shown closed", status="inactive")]
    add(engine, *hidden, *shown)
    ids = {one.name: one.id for one in hidden}
    for path in ("/services", "/service_at_locations", "/organizations"):
        for form in ({}, {"format": "ndjson"}, {"full": "true"}, {"full_service": "true"}, {"minimal": "true"}):
            assert "hidden" not in (await caller(path, params=form)).text
    assert sorted(await caller.names()) == ["shown", "shown closed"]
    for one in hidden:
        assert (await caller(f"/services/{ids[one.name]}")).status_code == 404
        assert (await caller(f"/organizations/{one.organisation_id}")).status_code == 404
    assert (await caller(f"/service_at_locations/{link[0].id}")).status_code == 404
    caller.clock.now += day
    assert sorted(await caller.names()) == ["hidden early", "shown closed"]


async def test_the_official_example_goes_out_as_it_came(engine: Engine, caller: Caller) -> None:
    example = json.loads((standard() / "examples" / "service_full.json").read_text(encoding="utf-8"))
    add(engine, official_example(example))
    whole = await caller.json(f"/services/{example['id']}")
    assert errors("service", whole) == []

    def missing(there: Any, here: Any, path: str = "") -> list[str]:
        if isinstance(there, dict):
            return [found for name, one in there.items() for found in missing(one, (here or {}).get(name), f"{path}/{name}")]
        if isinstance(there, list):
            found = list(here or []) + [None] * len(there)
            return [lost for number, one in enumerate(there) for lost in missing(one, found[number], f"{path}/{number}")]
        return [] if there == here or path.endswith("last_modified") else [path]

    # Not on Earth, not kept (its parents are not there), or kept under another name.
    assert missing(example, whole) == [
        "/service_at_locations/0/location/latitude",
        "/service_at_locations/0/location/longitude",
        "/service_at_locations/0/location/accessibility/0/accessibility",
        "/organization/parent_organization_id",
        "/attributes/0/taxonomy_term/parent_id",
        "/attributes/0/taxonomy_term/term",
    ]


def official_example(example: dict[str, Any]) -> tables.Service:
    """The official example as our rows."""

    def pick(record: dict[str, Any], *names: str) -> dict[str, Any]:
        days, times = ("valid_from", "valid_to", "dtstart", "assured_date"), ("opens_at", "closes_at")
        read = {**dict.fromkeys(days, date.fromisoformat), **dict.fromkeys(times, time.fromisoformat)}
        return {name: read.get(name, lambda value: value)(record[name]) for name in ("id", *names) if name in record}

    owner = example["organization"]
    link = example["service_at_locations"][0]
    place, term = link["location"], example["attributes"][0]["taxonomy_term"]
    schedule = (
        "valid_from",
        "valid_to",
        "dtstart",
        "freq",
        "interval",
        "byday",
        "bymonthday",
        "description",
        "opens_at",
        "closes_at",
    )
    area = example["service_areas"][0]
    return tables.Service(
        **pick(
            example, "name", "description", "url", "email", "status", "accreditations", "assured_date", "assurer_email", "alert"
        ),
        approval="approved",
        fees_description=example["fees"],
        minimum_age_months=example["minimum_age"] * 12,
        maximum_age_months=example["maximum_age"] * 12,
        organisation=tables.Organisation(
            **pick(owner, "name", "description", "email", "website", "logo", "uri"),
            identifiers=[tables.OrganisationIdentifier(**one) for one in owner["organization_identifiers"]],
        ),
        schedules=[
            tables.Schedule(**pick(one, *schedule, "schedule_link", "attending_type", "notes")) for one in example["schedules"]
        ],
        service_areas=[
            tables.ServiceArea(**pick(area, "name", "extent", "extent_type", "uri"), description=area["service_area"])
        ],
        service_at_locations=[
            tables.ServiceAtLocation(
                id=link["id"],
                location=tables.Location(
                    **pick(place, "location_type", "name", "description", "external_identifier", "external_identifier_type"),
                    addresses=[tables.Address(**one) for one in place["addresses"]],
                    accessibility=[
                        tables.Accessibility(**pick(one, "description", "details", "url")) for one in place["accessibility"]
                    ],
                ),
            )
        ],
        languages=[tables.Language(id=one["id"], code="en") for one in example["languages"]],
        funding=[tables.Funding(**one) for one in example["funding"]],
        cost_options=[
            tables.CostOption(**pick(one, "valid_from", "valid_to", "option", "amount", "amount_description"))
            for one in example["cost_options"]
        ],
        contacts=[tables.Contact(**one) for one in example["contacts"]],
        attributes=[
            tables.Attribute(
                **pick(example["attributes"][0], "link_type"),
                link_entity="service",
                taxonomy_term=tables.TaxonomyTerm(
                    **pick(term, "name", "description", "term_uri"),
                    code="x",
                    taxonomy=tables.Taxonomy(name=term["taxonomy"], description=""),
                ),
            )
        ],
    )


# ---- Filters ----------------------------------------------------------------------------------------------------------


async def test_search_finds_every_word_in_any_script_whatever_its_case(engine: Engine, caller: Caller) -> None:
    add(
        engine,
        service("Baby massage", description="In the hall, 100% free"),
        service("Grupa Żłobek", description="MŁODZI rodzice"),
        service("ਮਾਪੇ ਅਤੇ ਬੱਚੇ", organisation=tables.Organisation(name="Harbour_Dads", description="")),
    )
    for words, names in {
        "MASSAGE baby": ["Baby massage"],
        "baby dads": [],
        "100%": ["Baby massage"],
        "%": ["Baby massage"],
        "_": ["ਮਾਪੇ ਅਤੇ ਬੱਚੇ"],
        "żłobek młodzi": ["Grupa Żłobek"],
        "ਬੱਚੇ": ["ਮਾਪੇ ਅਤੇ ਬੱਚੇ"],
        "harbour": ["ਮਾਪੇ ਅਤੇ ਬੱਚੇ"],
        "' OR 1=1 --": [],
    }.items():
        assert await caller.names(search=words) == names, words
    assert (await caller.json("/organizations", search="HARBOUR"))["total_items"] == 1


async def test_terms_taxonomies_and_organisations_filter_services(demo: Caller) -> None:
    terms = (await demo.json("/taxonomy_terms", per_page=500))["contents"]
    feeding = next(one for one in terms if one["code"] == "infant-feeding")
    every = await demo.json("/services", full="true", per_page=500)
    tagged = [one["id"] for one in every["contents"] if feeding["id"] in {each["taxonomy_term_id"] for each in one["attributes"]}]
    found = await demo.json("/services", taxonomy_term_id=feeding["id"])
    assert [one["id"] for one in found["contents"]] == tagged != []
    assert (await demo.json("/services", taxonomy_id=feeding["taxonomy_id"]))["total_items"] == every["total_items"]
    owner = found["contents"][0]["organization_id"]
    both = await demo.json("/services", taxonomy_term_id=feeding["id"], organization_id=owner)
    assert 0 < both["total_items"] <= len(tagged) and {one["organization_id"] for one in both["contents"]} == {owner}
    at = await demo.json("/service_at_locations", organization_id=owner, taxonomy_term_id=feeding["id"])
    assert {one["service"]["organization_id"] for one in at["contents"]} <= {owner}
    for name in ("taxonomy_term_id", "taxonomy_id", "organization_id"):
        assert (await demo.json("/services", **{name: str(uuid.uuid4())}))["empty"] is True


async def test_terms_are_filtered_by_taxonomy_parent_and_top(demo: Caller) -> None:
    every = (await demo.json("/taxonomy_terms", per_page=500))["contents"]
    top = (await demo.json("/taxonomy_terms", per_page=500, top_only="true"))["contents"]
    assert [one["id"] for one in every if "parent_id" not in one] == [one["id"] for one in top]
    parent = next(one["parent_id"] for one in every if "parent_id" in one)
    children = (await demo.json("/taxonomy_terms", per_page=500, parent_id=parent))["contents"]
    assert [one["id"] for one in every if one.get("parent_id") == parent] == [one["id"] for one in children] != []
    assert (await demo.json("/taxonomy_terms", parent_id=parent, top_only="true"))["empty"] is True
    assert (await demo.json("/taxonomy_terms", taxonomy_id=every[0]["taxonomy_id"]))["total_items"] == len(every)


async def test_ages_are_compared_as_they_are_published(engine: Engine, caller: Caller) -> None:
    add(
        engine,
        service("before birth", minimum_age_months=-9, maximum_age_months=0),
        service("baby", minimum_age_months=6, maximum_age_months=24),
        service("child", minimum_age_months=24, maximum_age_months=60),
        service("unsaid"),
    )
    assert sorted(await caller.names(minimum_age="0.5")) == ["baby", "child"]
    assert sorted(await caller.names(minimum_age=0)) == ["baby", "before birth", "child"]
    assert sorted(await caller.names(maximum_age=2)) == ["baby", "before birth"]
    assert await caller.names(minimum_age="0.5", maximum_age=2) == ["baby"]


async def test_day_and_times_must_fit_one_session_of_a_timetable_that_goes_on(engine: Engine, caller: Caller) -> None:
    def at(name: str, *rows: dict[str, Any]) -> tables.Service:
        return service(name, schedules=[tables.Schedule(**row) for row in rows])

    ten, noon, two = time(10), time(12), time(14)
    add(
        engine,
        at("mondays", {"freq": "WEEKLY", "byday": "MO,we", "opens_at": ten, "closes_at": noon}),
        at("second monday", {"freq": "MONTHLY", "byday": "2MO", "opens_at": two, "closes_at": time(15)}),
        at("from a monday", {"freq": "WEEKLY", "dtstart": date(2026, 1, 5), "opens_at": ten}),
        at("one sunday", {"dtstart": date(2026, 11, 22), "opens_at": ten, "closes_at": noon}),
        at("over", {"freq": "WEEKLY", "byday": "MO", "valid_to": date(2026, 11, 1), "opens_at": ten}),
        at("past", {"dtstart": date(2026, 11, 16), "opens_at": ten}),
        at("split", {"freq": "WEEKLY", "byday": "MO", "opens_at": ten}, {"freq": "WEEKLY", "byday": "TU", "opens_at": two}),
    )
    assert sorted(await caller.names(day="MO")) == ["from a monday", "mondays", "second monday", "split"]
    assert await caller.names(day="Sunday") == ["one sunday"]
    assert await caller.names(day="wednesday") == ["mondays"]
    assert await caller.names(day="MO", start_time="13:00") == ["second monday"]
    assert sorted(await caller.names(end_time="12:00")) == ["mondays", "one sunday"]
    assert await caller.names(day="MO", start_time="10:00", end_time="12:00") == ["mondays"]


async def test_modified_after_takes_moments_and_days(engine: Engine, caller: Caller) -> None:
    moment = datetime(2026, 11, 20, 10, tzinfo=UTC)
    add(engine, service("old", last_modified=moment - timedelta(seconds=1)), service("new", last_modified=moment))
    for text in ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00", "2026-11-20T11:00:00+01:00", "2026-11-20T11:00:00 01:00"):
        assert await caller.names(modified_after=text) == ["new"], text
    assert sorted(await caller.names(modified_after="2026-11-20")) == ["new", "old"]
    page = await caller.json("/services", minimal="true", modified_after="2026-11-20T10:00:00Z")
    (one,) = page["contents"]
    assert one["modified_date"] == one["last_modified"] == "2026-11-20T10:00:00+00:00"


async def test_proximity_is_metres_from_the_middle_of_the_postcode_nearest_first(engine: Engine, caller: Caller) -> None:
    metre = 1 / 111_195
    for name, north in (("here", 0.0), ("near", 900 * metre), ("far", 1_100 * metre)):
        code = {"here": "ZZ1 1AA", "near": "ZZ1 2AB", "far": "ZZ1 3AB"}[name]
        place = venue(name, latitude=55 + north, longitude=2.4, postal_code=code)
        add(engine, service(name, service_at_locations=[tables.ServiceAtLocation(location=place)]))
    east = venue("east", latitude=55, longitude=2.4 + 990 * metre / 0.573576, postal_code="ZZ1 4AB")
    add(engine, service("east", service_at_locations=[tables.ServiceAtLocation(location=east)]), service("nowhere"))
    params = {"postcode": "zz11aa", "proximity": "1000"}
    assert await caller.names("/service_at_locations", **params) == ["here", "near", "east"]
    assert sorted(await caller.names(**params)) == ["east", "here", "near"]
    assert await caller.names("/service_at_locations", postcode="ZZ1 1AA", proximity="1200.5") == ["here", "near", "east", "far"]
    pages = [await caller.names("/service_at_locations", **params, per_page=1, page=number) for number in (1, 2, 3)]
    assert pages == [["here"], ["near"], ["east"]]


async def test_a_postcode_leaves_out_services_for_other_areas(engine: Engine, caller: Caller) -> None:
    place = venue("Hall", latitude=55, longitude=2.4)
    add(
        engine,
        service("whole town", service_areas=[tables.ServiceArea(name="Larkmoor")]),
        service("half postcode", service_areas=[tables.ServiceArea(name="ZZ1")]),
        service("elsewhere", service_areas=[tables.ServiceArea(name="Saltmere")]),
        service("says nothing", service_at_locations=[tables.ServiceAtLocation(location=place)]),
    )
    assert sorted(await caller.names(postcode="ZZ1 1AA")) == ["half postcode", "says nothing", "whole town"]
    answer = await caller("/services", params={"postcode": "XX9 9XX", "proximity": 100})
    assert (answer.status_code, answer.json()["error"]) == (404, "unknown_postcode")
    assert "does not know where XX9 9XX is" in answer.json()["message"]


# ---- Paging and mistakes ----------------------------------------------------------------------------------------------


async def test_pages_together_are_the_whole_without_repeats(demo: Caller) -> None:
    every = [one["id"] for one in (await demo.json("/services", per_page=500))["contents"]]
    total = len(every)
    pages = [await demo.json("/services", per_page=20, page=number) for number in range(1, -(-total // 20) + 1)]
    assert [one["id"] for page in pages for one in page["contents"]] == every
    assert {(page["total_items"], page["total_pages"]) for page in pages} == {(total, len(pages))}
    assert (await demo.json("/services"))["size"] == 50
    assert (await demo.json("/services", minimal="true"))["size"] == total


@pytest.mark.parametrize(
    ("query", "status", "code", "parameter", "words"),
    [
        ("page=0", 400, "bad_parameter", "page", "the first page is 1"),
        ("page=-1", 400, "bad_parameter", "page", "whole number"),
        ("page=1.5", 400, "bad_parameter", "page", "whole number"),
        ("page=١", 400, "bad_parameter", "page", "whole number"),
        ("page=" + "9" * 400, 400, "bad_parameter", "page", "whole number"),
        ("page=999999999", 404, "no_such_page", "page", "only one page"),
        ("page=", 400, "bad_parameter", "page", "whole number"),
        ("per_page=0", 400, "bad_parameter", "per_page", "from 1 to 500"),
        ("per_page=501", 400, "bad_parameter", "per_page", "from 1 to 500"),
        ("per_page=abc", 400, "bad_parameter", "per_page", "from 1 to 500"),
        ("page=1&page=2", 400, "repeated_parameter", "page", "Give it once"),
        ("search=" + "a" * 501, 400, "bad_parameter", "search", "longer than 500"),
        ("format=xml", 400, "bad_parameter", "format", "json or ndjson"),
        ("full=perhaps", 400, "bad_parameter", "full", "true or false"),
        ("modified_after=yesterday", 400, "bad_parameter", "modified_after", "2026-11-01T00:00:00Z"),
        ("modified_after=0001-01-01T00:00:00%2B14:00", 400, "bad_parameter", "modified_after", "Write a moment"),
        ("minimum_age=nan", 400, "bad_parameter", "minimum_age", "half a year is 0.5"),
        ("maximum_age=1e99", 400, "bad_parameter", "maximum_age", "half a year is 0.5"),
        ("day=someday", 400, "bad_parameter", "day", "MO, TU"),
        ("start_time=25:00", 400, "bad_parameter", "start_time", "09:30"),
        ("end_time=9", 400, "bad_parameter", "end_time", "09:30"),
        ("postcode=London", 400, "bad_parameter", "postcode", "ZZ1 2AB"),
        ("proximity=100", 400, "bad_parameter", "postcode", "needs a postcode"),
        ("postcode=ZZ1 1AA&proximity=-1", 400, "bad_parameter", "proximity", "metres"),
    ],
)
async def test_mistakes_are_told_in_plain_words(
    mistaken: Caller, query: str, status: int, code: str, parameter: str, words: str
) -> None:
    answer = await mistaken(f"/services?{query}")
    assert answer.status_code == status, answer.text
    assert (answer.json()["error"], answer.json()["parameter"]) == (code, parameter)
    assert words in answer.json()["message"]
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """An empty directory on SQLite, once: mistakes are found before the database is asked."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('mistaken') / 'api.db'}")
    migrate(engine)
    yield Caller(engine)
    engine.dispose()


@pytest.mark.parametrize("name", LISTS)
async def test_unknown_ids_addresses_and_methods_are_told_in_plain_words(mistaken: Caller, name: str) -> None:
    for one in (str(uuid.uuid4()), "x", "%00", "%F0%9F%91%B6", "..%2F..", "a" * 2000):
        answer = await mistaken(f"/{name}/{one}")
        assert answer.status_code == 404, one
        assert (answer.json()["error"] == "not_found" and "There is no" in answer.json()["message"]) or "%2F" in one
    answer = await mistaken(f"/{name}/a/b")
    assert answer.status_code == 404 and "openapi.json lists what there is" in answer.json()["message"]
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await mistaken(f"/{name}", method=method)
        assert answer.status_code == 405 and answer.headers["allow"] == "GET, HEAD, OPTIONS"
        assert answer.json()["message"] == "This API only reads. Use GET."


HOSTILE = (
    "\0",
    "a\0b",
    "'; DROP TABLE directory_service; --",
    "%' OR '1'='1",
    "\\",
    "/%_",
    "\ud83d\udc76",
    "\u202e\u200b",
    "ß" * 250,
    "a " * 249,
    "${jndi:x}",
    "😀" * 100,
)


async def test_hostile_query_strings_are_answered_calmly(demo: Caller) -> None:
    for text in HOSTILE:
        # A lone surrogate cannot be sent; its two halves arrive as the character that they make.
        sent = text.encode("utf-16", "surrogatepass").decode("utf-16")
        for path, names in ENDPOINTS.items():
            answer = await demo(f"/{path}", params={name: sent for name in names if name in FREE})
            assert answer.status_code == 200, (path, text, answer.text)
            if path == "services":
                assert answer.json()["empty"] is True
            for name in sorted(set(names) - set(FREE)):
                answer = await demo(f"/{path}", params={name: sent})
                assert answer.status_code == 400, (path, name, text)
    raw = ["search=%ff%fe", "search=%", "=&=&&&", "search=%ED%A0%BD", ";", "page=1%00", "&".join(f"x{n}=1" for n in range(3000))]
    for query in raw:
        assert (await demo(f"/services?{query}")).status_code in (200, 400), query
    tiny = {"minimum_age": "5e-324", "maximum_age": "1e-9", "postcode": "ZZ1 1AA", "proximity": "5.7e-213"}
    assert (await demo.json("/service_at_locations", **tiny))["page_number"] == 1
    assert (await demo.json("/services"))["total_items"] > 60


FREE = ("search", "taxonomy_term_id", "taxonomy_id", "organization_id", "parent_id")


# ---- Tags, lines, other origins ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*(f"/{name}" for name in LISTS), "/services?format=ndjson", "single"])
async def test_an_answer_that_did_not_change_is_not_sent_again(engine: Engine, caller: Caller, path: str) -> None:
    one = service("one")
    add(engine, one)
    path = f"/services/{one.id}" if path == "single" else path
    tag = (await caller(path)).headers["etag"]
    for given in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = await caller(path, headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["access-control-allow-origin"] == "*"
    assert (await caller(path, headers={"If-None-Match": '"other"'})).status_code == 200
    with writing(engine) as session:
        session.get_one(tables.Service, one.id).alert = "Mind the step."
    changed = await caller(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.headers["etag"] != tag
    caller.clock.now += timedelta(days=1)
    assert (await caller(path, headers={"If-None-Match": changed.headers["etag"]})).status_code == 200


async def test_lines_hold_all_records_of_the_pages(demo: Caller) -> None:
    for name in LISTS:
        for form in ({}, {"full": "true"}):
            answer = await demo(f"/{name}", params={"format": "ndjson", **form})
            assert answer.headers["content-type"].startswith("application/x-ndjson")
            lines = answer.text.split("\n")
            assert lines.pop() == ""
            records = [json.loads(line) for line in lines]
            assert records == (await demo.json(f"/{name}", per_page=500, **form))["contents"]
            assert all(errors(SINGLE[name], record) == [] for record in records)


async def test_lines_are_streamed_in_batches_and_leave_out_what_is_withdrawn_meanwhile(engine: Engine, caller: Caller) -> None:
    owner = tables.Organisation(name="Owner", description="")
    rows = [service(f"number {number}", id=str(uuid.UUID(int=number)), organisation=owner) for number in range(BATCH + 50)]
    add(engine, *rows)
    chunks: list[bytes] = []

    async def send(message: dict[str, Any]) -> None:
        if message.get("body"):
            chunks.append(message["body"])
            if len(chunks) == 1:
                with writing(engine) as session:
                    session.get_one(tables.Service, rows[-1].id).approval = "withdrawn"

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    scope = {"type": "http", "method": "GET", "path": "/services", "query_string": b"format=ndjson", "headers": []}
    scope |= {"scheme": "http", "server": ("127.0.0.1", 80), "root_path": "", "asgi": {"version": "3.0", "spec_version": "2.4"}}
    await caller.app(scope, receive, send)
    assert [chunk.count(b"\n") for chunk in chunks] == [BATCH, 49]


async def test_any_origin_may_read(demo: Caller) -> None:
    for path in ("/", "/services", "/services?format=ndjson", "/services/x", "/nowhere", "/openapi.json"):
        answer = await demo(path, headers={"Origin": "https://elsewhere.example.org"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "ETag" in answer.headers["access-control-expose-headers"]
        asked = {"Origin": "https://elsewhere.example.org", "Access-Control-Request-Method": "GET"}
        answer = await demo(path, method="OPTIONS", headers=asked | {"Access-Control-Request-Headers": "if-none-match"})
        if path != "/nowhere":
            assert answer.status_code == 204
            assert "If-None-Match" in answer.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in answer.headers
    head = await demo("/services", method="HEAD")
    assert head.status_code == 200 and "etag" in head.headers


# ---- What it costs, and where it is -----------------------------------------------------------------------------------


async def test_a_page_takes_the_same_number_of_queries_however_long_it_is(demo: Caller, engine: Engine) -> None:
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    event.listen(engine, "before_cursor_execute", counted)
    for name in LISTS:
        for form in ({}, {"full": "true"}, {"full_service": "true"}):
            counts = []
            for size in (2, 20):
                count = 0
                await demo.json(f"/{name}", per_page=size, **form)
                counts.append(count)
            assert counts[0] >= counts[1] - 1 and max(counts) <= 24, (name, form, counts)
    count = 0
    await demo.json("/services", per_page=50)
    assert count <= 5
    event.remove(engine, "before_cursor_execute", counted)


async def test_every_query_of_a_page_sees_the_same_moment(engine: Engine) -> None:
    add(engine, service("one"))
    with reading(engine) as session:
        before = session.scalars(select(tables.Service.name)).all()
        add(engine, service("two"))
        assert session.scalars(select(tables.Service.name)).all() == before == ["one"]


async def test_it_knows_its_address_under_a_path_and_behind_a_proxy(engine: Engine) -> None:
    mounted = Caller(engine)
    mounted.app = Starlette(routes=[Mount("/directory/api", app=mounted.app)])
    about = await mounted.json("/directory/api/")
    assert about["openapi_url"] == "http://directory.example.org/directory/api/openapi.json"
    document = await mounted.json("/directory/api/openapi.json")
    assert document["servers"] == [{"url": "http://directory.example.org/directory/api"}]
    assert (await mounted("/directory/api/nowhere")).json()["error"] == "not_found"
    public = Caller(engine, public_url="https://wren.example.org/directory/api")
    assert (await public.json("/"))["openapi_url"] == "https://wren.example.org/directory/api/openapi.json"
    answer = await mounted("/directory/api/", headers={"Host": "evil<script>"})
    assert answer.json()["openapi_url"] == "http://localhost/directory/api/openapi.json"


async def test_distance_by_sums_is_near_the_truth_from_end_to_end_of_the_british_isles(engine: Engine) -> None:
    points = [(49.9, -6.3), (50.4, 1.4), (51.5, -0.1), (53.4, -2.2), (54.6, -7.7), (55.9, -3.2), (58.2, -6.4), (60.8, -0.8)]
    add(engine, *(tables.Location(name=str(point), latitude=point[0], longitude=point[1]) for point in points))
    for latitude, longitude in points:
        place = Place("postcode", "here", latitude, longitude, "exact", frozenset())
        with reading(engine) as session:
            query = select(tables.Location.latitude, tables.Location.longitude, squared_metres(Around((), place)))
            for other_latitude, other_longitude, squared in session.execute(query):
                metres = miles_between((latitude, longitude), (other_latitude, other_longitude)) * 1609.344
                assert squared**0.5 == pytest.approx(metres, rel=0.0005 if metres < 200_000 else 0.003, abs=0.5)
