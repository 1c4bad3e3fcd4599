"""The OpenAPI document of the API, made from the parameters that it reads, so that the two cannot differ."""

from typing import Any

from services_directory.api.parameters import ENDPOINTS, PARAMETERS

Json = dict[str, Any]
SCHEMAS = "https://openreferraluk.org/specifications/3.0/schema/"
REQUIRED = ("services",)
NAMES = {
    "services": ("Service", "service"),
    "service_at_locations": ("ServiceAtLocation", "service_at_location"),
    "organizations": ("Organization", "organization"),
    "taxonomies": ("Taxonomy", "taxonomy"),
    "taxonomy_terms": ("TaxonomyTerm", "taxonomy_term"),
}
ID: Json = {"type": "string", "format": "uuid"}
WORDS: Json = {"type": "string"}


def openapi_document(address: str) -> Json:
    """Return the document of the API at ``address``."""
    paths: Json = {"/": _about()}
    for name in ENDPOINTS:
        paths[f"/{name}"] = {"get": _list(name)}
        paths[f"/{name}/{{id}}"] = {"get": _single(name)}
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Local services for families, as Open Referral UK 3.0",
            "version": "HSDS-UK-3.0",
            "description": "Read-only and open. Filters are cumulative. Absent values are left out, never null.",
        },
        "servers": [{"url": address}],
        "externalDocs": {"url": SCHEMAS, "description": "The schemas that every answer follows"},
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "parameters": {name: _parameter(name) for name in PARAMETERS},
            "responses": _responses(),
        },
    }


def _parameter(name: str) -> Json:
    parameter = PARAMETERS[name]
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }


def _body(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _about() -> Json:
    answer = {"description": "Which standard this speaks.", "content": _body(_ref("Details"))}
    return {"get": {"operationId": "about", "tags": ["Required"], "responses": {"200": answer}}}


def _list(name: str) -> Json:
    schema, _ = NAMES[name]
    page: Json = {
        "allOf": [_ref("Page"), {"type": "object", "properties": {"contents": {"type": "array", "items": _ref(schema)}}}],
    }
    content = _body(page) | {"application/x-ndjson": {"schema": {"type": "string"}}}
    return {
        "operationId": f"list_{name}",
        "tags": ["Required" if name in REQUIRED else "Optional"],
        "parameters": [{"$ref": f"#/components/parameters/{one}"} for one in ENDPOINTS[name]],
        "responses": {
            "200": {"description": "One page, or all as lines.", "headers": _etag(), "content": content},
            "304": {"description": "Nothing has changed since the entity tag in If-None-Match."},
            "400": {"$ref": "#/components/responses/BadParameter"},
            "404": {"$ref": "#/components/responses/NotFound"},
        },
    }


def _single(name: str) -> Json:
    schema, _ = NAMES[name]
    parameters: list[Json] = [{"name": "id", "in": "path", "required": True, "schema": WORDS}]
    if name == "organizations":
        parameters.append({"$ref": "#/components/parameters/full_service"})
    return {
        "operationId": f"get_{name}",
        "tags": ["Required" if name in REQUIRED else "Optional"],
        "parameters": parameters,
        "responses": {
            "200": {"description": "The record.", "headers": _etag(), "content": _body(_ref(schema))},
            "304": {"description": "Nothing has changed since the entity tag in If-None-Match."},
            "400": {"$ref": "#/components/responses/BadParameter"},
            "404": {"$ref": "#/components/responses/NotFound"},
        },
    }


def _etag() -> Json:
    return {"ETag": {"description": "Send it back in If-None-Match.", "schema": WORDS}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _responses() -> Json:
    return {
        "BadParameter": {
            "description": "A parameter cannot be read; message says how to mend it.",
            "content": _body(_ref("Error")),
        },
        "NotFound": {"description": "No such record, page or place.", "content": _body(_ref("Error"))},
    }


def _record(schema: str, needed: tuple[str, ...], **properties: Json) -> Json:
    return {
        "type": "object",
        "required": ["id", *needed],
        "properties": {"id": ID, **properties},
        "externalDocs": {"url": f"{SCHEMAS}{schema}.json"},
    }


def _schemas() -> Json:
    number, truth = {"type": "integer", "minimum": 0}, {"type": "boolean"}
    counts = {"total_items": number, "total_pages": number, "page_number": number, "size": number}
    page = counts | {"first_page": truth, "last_page": truth, "empty": truth}
    status = {"type": "string", "enum": ["active", "inactive", "defunct", "temporarily closed"]}
    kind = {"type": "string", "enum": ["physical", "postal", "virtual"]}
    location = _record("location", ("location_type",), location_type=kind, name=WORDS)
    term = _record("taxonomy_term", ("name", "description"), name=WORDS, description=WORDS, parent_id=ID, taxonomy_id=ID)
    address = {"type": "string", "format": "uri"}
    return {
        "Details": {
            "type": "object",
            "required": ["version", "profile", "openapi_url"],
            "properties": {"version": WORDS, "profile": address, "openapi_url": address},
        },
        "Page": {
            "type": "object",
            "required": [*page, "contents"],
            "properties": page | {"contents": {"type": "array", "items": {}}},
        },
        "Error": {
            "type": "object",
            "required": ["error", "message"],
            "properties": {"error": WORDS, "message": WORDS, "parameter": WORDS},
        },
        "Service": _record("service", ("name", "status"), name=WORDS, status=status, description=WORDS, organization_id=ID),
        "Location": location,
        "ServiceAtLocation": _record(
            "service_at_location",
            ("location", "service"),
            service_id=ID,
            location_id=ID,
            location=_ref("Location"),
            service=_ref("Service"),
        ),
        "Organization": _record("organization", ("name", "description"), name=WORDS, description=WORDS),
        "Taxonomy": _record("taxonomy", ("name", "description"), name=WORDS, description=WORDS),
        "TaxonomyTerm": term,
    }
