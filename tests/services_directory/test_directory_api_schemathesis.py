"""The API against its own OpenAPI document: whatever is generated, it answers as it says, and never with a server error."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import Engine

from services_directory import Directory, load_demonstration, migrate, open_engine
from services_directory.api import api_app
from services_directory.api.parameters import ENDPOINTS

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    positive_data_acceptance,
]


@pytest.fixture(scope="session")
def one_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The demonstration on SQLite; hostile strings meet PostgreSQL in test_directory_api."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('api') / 'api.db'}")
    migrate(engine)
    load_demonstration(engine, today=date(2026, 11, 21))
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def api_schema(one_engine: Engine) -> Any:
    app = api_app(one_engine, Directory(one_engine, clock=lambda: NOON), clock=lambda: NOON)
    return schemathesis.openapi.from_asgi("/openapi.json", app)


OPERATIONS = ["/", *(path for name in ENDPOINTS for path in (f"/{name}", f"/{name}/{{id}}"))]


def test_every_operation_is_tried(api_schema: Any) -> None:
    assert sorted(one.ok().path for one in api_schema.get_all_operations()) == sorted(OPERATIONS)


# Nothing can be given wrongly where nothing but an id is asked for.
WRONGLY = [f"/{name}" for name in ENDPOINTS] + ["/organizations/{id}"]
TRIED = [(path, GenerationMode.POSITIVE) for path in OPERATIONS] + [(path, GenerationMode.NEGATIVE) for path in WRONGLY]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("path", "mode"), TRIED, ids=lambda value: getattr(value, "value", value))
def test_every_operation_answers_as_its_document_says(api_schema: Any, path: str, mode: GenerationMode) -> None:
    operation = api_schema[path]["GET"]

    @settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers(case: Any) -> None:
        # OpenAPI cannot say that a distance needs a place to be measured from.
        alone = "proximity" in case.query and "postcode" not in case.query
        case.call_and_validate(checks=[one for one in CHECKS if not (alone and one is positive_data_acceptance)])

    answers()
