"""The page of the service's REST API.

In: the service's OpenAPI document. Out: docs/reference/rest-api.md.
"""

import json
from collections.abc import Iterator
from typing import Any

import spacy
from pydantic import SecretStr
from spacy.language import Language
from spacy.tokens import Doc

from scripts.documentation.markdown import code, escape, fenced, page, table
from scripts.records.states import STATES
from scripts.service.app import create_app
from scripts.service.settings import Settings

INTRODUCTION = """\
[`serve`](commands.md#serve) starts the service, by default at `http://127.0.0.1:8000`. Requests and responses are JSON.
A running service describes itself at `/docs`, and returns its OpenAPI document at `/openapi.json`. Both show the labels
and states of its own pipeline and its own limits. This page shows the default limits."""
TOKEN = """\
If the service was started with `SERVE_TOKEN`, the endpoints that need a token require the header
`Authorization: Bearer <token>`."""
FIELDS = """\
A response always contains all fields of an object, except for [Attributes](#attributes) and the objects in it, which
have only what is known. A component of your own can add further attributes."""
Schema = dict[str, Any]


def make_pipeline() -> Language:
    """Create a pipeline with labels, states and confidences of this project. Nothing is ever annotated with it."""
    nlp = spacy.blank("en")
    patterns = [{"label": label, "pattern": label} for label in ("Chemical", "Disease")]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)  # type: ignore[attr-defined]
    assigns = [f"span._.{name}" for name in ("confidence", *STATES.values())]
    Language.component("documentation_attributes", assigns=assigns, func=unchanged)
    nlp.add_pipe("documentation_attributes")
    return nlp


def unchanged(doc: Doc) -> Doc:
    """Return a document as it is."""
    return doc


def openapi_document() -> Schema:
    """Return the OpenAPI document of a service with a token."""
    return create_app(make_pipeline(), Settings(token=SecretStr("token"))).openapi()


def rest_api_page(document: Schema) -> str:
    """Return the page of a REST API.

    document (dict): the OpenAPI document.
    RETURNS (str): the page.
    """
    routes = [
        (method.upper(), path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    overview = [
        (
            f"[`{method} {path}`](#{anchor(method, path)})",
            operation["description"],
            "yes" if "security" in operation else "no",
        )
        for method, path, operation in routes
    ]
    schemas = document["components"]["schemas"]
    blocks = [INTRODUCTION, TOKEN, "## Endpoints", table(("Endpoint", "Description", "Token"), overview)]
    for method, path, operation in routes:
        blocks += endpoint_blocks(method, path, operation, schemas)
    blocks += ["## Objects", FIELDS]
    for schema in schemas.values():
        blocks += [f"### {schema['title']}", escape(schema.get("description", "")), fields_table(schema, schemas)]
    return page("REST API", blocks)


def anchor(method: str, path: str) -> str:
    """Return the anchor of an endpoint's heading."""
    return "-".join([method.lower(), *path.strip("/").split("/")])


def endpoint_blocks(method: str, path: str, operation: Schema, schemas: dict[str, Schema]) -> Iterator[str]:
    """Yield the blocks of an endpoint's section: its request, its response and its errors."""
    yield f"### {method} {path} {{ #{anchor(method, path)} }}"
    yield escape(operation["description"])
    if "requestBody" in operation:
        body = operation["requestBody"]["content"]["application/json"]
        yield "**Request**"
        yield fields_table(body["schema"], schemas)
        for title, example in body.get("examples", {}).items():
            yield f"Example, {title}:"
            yield json_block(example["value"])
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            yield from response_blocks(response, schemas)
    yield from error_blocks(operation["responses"], schemas)


def response_blocks(response: Schema, schemas: dict[str, Schema]) -> Iterator[str]:
    """Yield the blocks of a successful response: what it contains, and an example if there is one."""
    for media_type, content in response["content"].items():
        schema = content["schema"]
        if "$ref" not in schema:
            yield f"**Response**: {response['description']}, `{media_type}`."
            continue
        yield f"**Response**: {describe_type(schema, schemas)}."
        for example in schemas[reference(schema)].get("examples", []):
            yield "Example:"
            yield json_block(in_field_order(example, schema, schemas))


def error_blocks(responses: dict[str, Schema], schemas: dict[str, Schema]) -> Iterator[str]:
    """Yield the blocks with the errors of an endpoint, if it has any."""
    errors = {status: response for status, response in sorted(responses.items()) if not status.startswith("2")}
    if errors:
        kinds = {
            describe_type(response["content"]["application/json"]["schema"], schemas) for response in errors.values()
        }
        yield f"**Errors**, each with a {' or '.join(sorted(kinds))}:"
        yield table(("Status", "Reason"), [(code(status), error["description"]) for status, error in errors.items()])


def json_block(value: Any) -> str:
    """Return a value as a block of JSON."""
    return fenced(json.dumps(value, indent=2, ensure_ascii=False), "json")


def fields_table(schema: Schema, schemas: dict[str, Schema]) -> str:
    """Return a table of an object's fields."""
    rows = [
        (code(name), escape(field.get("description", "")), describe_type(field, schemas))
        for name, field in schema["properties"].items()
    ]
    return table(("Field", "Description", "Type"), rows)


def reference(schema: Schema) -> str:
    """Return the name of the schema that a reference points to."""
    return schema["$ref"].rpartition("/")[2]


def in_field_order(value: Any, schema: Schema, schemas: dict[str, Schema]) -> Any:
    """Return an example with the fields of each object in the order of its schema."""
    if "$ref" in schema:
        return in_field_order(value, schemas[reference(schema)], schemas)
    if isinstance(value, list) and "items" in schema:
        return [in_field_order(item, schema["items"], schemas) for item in value]
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        return {name: in_field_order(value[name], known[name], schemas) for name in known if name in value}
    return value


def describe_type(schema: Schema, schemas: dict[str, Schema]) -> str:
    """Describe the type of a value with its limits, with links to the objects of the page."""
    if "$ref" in schema:
        title = schemas[reference(schema)]["title"]
        return f"[{title}](#{title.lower()})"
    if "anyOf" in schema:
        first, *others = [describe_type(inner, schemas) for inner in schema["anyOf"]]
        return (", or " if " " in first else " or ").join([first, *others])
    if "enum" in schema or "const" in schema:
        return " or ".join(code(json.dumps(value)) for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        number = f"at most {schema['maxItems']:,} " if "maxItems" in schema else ""
        return f"list of {number}{describe_items(schema['items'], schemas)}"
    return schema.get("type", "any") + describe_limits(schema)


def describe_items(schema: Schema, schemas: dict[str, Schema]) -> str:
    """Describe the items of a list."""
    described = describe_type(schema, schemas)
    return described.replace("string", "strings", 1) if schema.get("type") == "string" else described


def describe_limits(schema: Schema) -> str:
    """Describe the limits of a text or a number."""
    if "maxLength" in schema:
        return f" of at most {schema['maxLength']:,} characters"
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']:g} to {schema['maximum']:g}"
    return ""
