"""The API as its callers see it: every answer against the published schemas, filters, paging, tags, lines, hostile queries."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from services_directory import Directory, load_demonstration, writing
from services_directory import models as tables
from services_directory.api import api_app
from tests.services_directory.official import errors

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
