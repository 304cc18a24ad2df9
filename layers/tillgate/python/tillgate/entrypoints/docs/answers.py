"""Parts of which the OpenAPI document's operations are made."""

from __future__ import annotations

from typing import Any

from tillgate.entrypoints.docs.problems import INTERNAL, PROBLEMS

Json = dict[str, Any]

_REASONS = {
    400: "The request cannot be read",
    401: "Not authenticated",
    403: "Authenticated, and refused",
    404: "No such thing",
    409: "Not as things stand",
    413: "Too large",
    415: "Not JSON",
    422: "Readable, but not acceptable; every fault is named",
    429: "Too much at once; go on after `Retry-After`",
    500: "A fault of Tillgate's",
    503: "Tillgate cannot answer right now; try again after `Retry-After`",
}
_PROBLEM_HEADERS: dict[int, list[str]] = {
    401: ["WWW-Authenticate"],
    429: ["Retry-After", "RateLimit", "RateLimit-Policy"],
    503: ["Retry-After"],
}

TENANT = [{"tenantToken": list[str]()}]
OPERATOR = [{"operatorToken": list[str]()}]
SCRAPER = [{"metricsToken": list[str]()}]
NOBODY: list[Json] = []


def schema(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def parameter(name: str) -> Json:
    return {"$ref": f"#/components/parameters/{name}"}


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *names)}


def answer(
    description: str,
    name: str,
    example: object,
    *,
    headers: tuple[str, ...] = (),
    others: Json | None = None,
) -> Json:
    """Describe a JSON answer by the name of its schema and one true example.

    ``others`` holds further examples, each by what it is an example of.
    """
    content: Json = {"schema": schema(name), "example": example}
    if others is not None:
        every = {"usual": example, **others}
        content = {
            "schema": schema(name),
            "examples": {kind: {"value": value} for kind, value in every.items()},
        }
    return {
        "description": description,
        "headers": _headers(*headers),
        "content": {"application/json": content},
    }


def text_answer(description: str, *media_types: str) -> Json:
    return {
        "description": description,
        "headers": _headers(),
        "content": {one: {"schema": {"type": "string"}} for one in media_types},
    }


def body(name: str, example: object, *, description: str = "") -> Json:
    """Describe a JSON body that has to be sent."""
    content = {"application/json": {"schema": schema(name), "example": example}}
    return {"required": True, "content": content, "description": description}


def problems(*types: str) -> Json:
    """Describe the answers for these problems, those of one status together, and for a 500."""
    documents: list[Json] = [*(PROBLEMS[kind].document for kind in types), INTERNAL]
    return {
        str(status): _problem_answer(status, [d for d in documents if d["status"] == status])
        for status in sorted({int(document["status"]) for document in documents})
    }


def _problem_answer(status: int, documents: list[Json]) -> Json:
    kinds = [str(document["type"]) for document in documents]
    return {
        "description": f"{_REASONS[status]}: {', '.join(f'`{kind}`' for kind in kinds)}",
        "headers": _headers(*_PROBLEM_HEADERS.get(status, [])),
        "content": {
            "application/problem+json": {
                "schema": {
                    "allOf": [schema("Problem")],
                    "properties": {"type": {"enum": kinds}, "status": {"const": status}},
                },
                "examples": {
                    kind: {"value": document}
                    for kind, document in zip(kinds, documents, strict=True)
                },
            }
        },
    }
