"""The contract for people: one page, rendered from the OpenAPI document."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tillgate.entrypoints.docs.problems import INTERNAL, INTERNAL_MEND, PROBLEMS
from tillgate.entrypoints.docs.vendors import VENDORS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tillgate.entrypoints.docs.answers import Json

_TEMPLATES = Path(__file__).parent
_TOKENS = {
    "tenantToken": "TOKEN",
    "operatorToken": "OPERATOR_TOKEN",
    "metricsToken": "METRICS_TOKEN",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of a call's table; ``rule`` says what fits."""

    name: str
    place: str
    required: bool
    rule: str
    description: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One status; ``example`` is JSON text, and empty for a problem."""

    status: str
    description: str
    example: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallDoc:
    """One method of one path. ``token`` names the shell variable that holds the token."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    token: str
    parameters: tuple[Parameter, ...]
    fields: tuple[Parameter, ...]
    curl: str
    answers: tuple[Answer, ...]


def render_page(document: Json) -> str:
    """Give the HTML; links are relative, so that it works under any path prefix."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    calls = list(_calls(document))
    return environment.get_template("page.html.j2").render(
        document=document,
        sections=[
            (tag, [call for name, call in calls if name == tag["name"]]) for tag in document["tags"]
        ],
        vendors=VENDORS,
        problems=sorted(
            [(doc.document, doc.mend) for doc in PROBLEMS.values()] + [(INTERNAL, INTERNAL_MEND)],
            key=lambda problem: int(problem[0]["status"]),
        ),
    )


def _calls(document: Json) -> Iterator[tuple[str, CallDoc]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parameters = [_resolved(document, item) for item in operation["parameters"]]
            token = _TOKENS[next(iter(operation["security"][0]))] if operation["security"] else ""
            yield (
                operation["tags"][0],
                CallDoc(
                    anchor=operation["operationId"],
                    method=method.upper(),
                    path=path,
                    summary=operation["summary"],
                    description=operation.get("description", ""),
                    token=token,
                    parameters=tuple(_parameter(item) for item in parameters),
                    fields=tuple(_fields(document, operation)),
                    curl=_curl(method.upper(), path, operation, parameters, token),
                    answers=tuple(
                        _answer(status, answer)
                        for status, answer in sorted(operation["responses"].items())
                    ),
                ),
            )


def _resolved(document: Json, item: Json) -> Json:
    reference = item.get("$ref")
    if reference is None:
        return item
    found: Json = document["components"]["parameters"][reference.rpartition("/")[2]]
    return found


def _parameter(item: Json) -> Parameter:
    return Parameter(
        name=item["name"],
        place=item["in"],
        required=item.get("required", False),
        rule=_rule(item["schema"]),
        description=item.get("description", ""),
    )


def _fields(document: Json, operation: Json) -> Iterator[Parameter]:
    """List the members of a body that is described by name, each once."""
    content = operation.get("requestBody", {"content": {}})["content"]
    names = [_name(media["schema"]) for media in content.values() if "$ref" in media["schema"]]
    seen: set[str] = set()
    while names:
        schema = document["components"]["schemas"][names.pop(0)]
        names += [_name(variant) for variant in schema.get("oneOf", []) if "$ref" in variant]
        for member, rule in schema.get("properties", {}).items():
            if rule.get("type") == "array":
                names += [_name(variant) for variant in rule["items"].get("anyOf", [])[:1]]
            if member not in seen:
                required = member in schema["required"]
                yield Parameter(member, "body", required, _rule(rule), rule.get("description", ""))
            seen.add(member)


def _name(reference: Json) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _rule(schema: Json) -> str:
    if "enum" in schema:
        return " | ".join(schema["enum"])
    if "default" in schema:
        return f"{schema['minimum']} to {schema['maximum']}, default {schema['default']}"
    if "maxLength" in schema:
        return f"{schema['type']}, at most {schema['maxLength']} characters"
    if "maxItems" in schema:
        return f"{schema['minItems']} to {schema['maxItems']} items"
    if {"minimum", "maximum"} <= schema.keys():
        return f"{schema['minimum']} to {schema['maximum']}"
    return str(schema.get("format", schema["type"]))


def _curl(method: str, path: str, operation: Json, parameters: list[Json], token: str) -> str:
    for item in parameters:
        if item["in"] == "path":
            path = path.replace(f"{{{item['name']}}}", item["example"])
    query = "&".join(
        f"{item['name']}={item['example']}"
        for item in parameters
        if item["in"] == "query" and "example" in item
    )
    # Curl itself chooses GET, and POST when there is a body.
    chosen = "POST" if "requestBody" in operation else "GET"
    verb = "" if method == chosen else f" -X {method}"
    lines = [f'curl -i{verb} "$TILLGATE{path}{"?" if query else ""}{query}"']
    if token:
        lines.append(f'-H "Authorization: Bearer ${token}"')
    lines += [
        f"-H '{item['name']}: {item['example']}'"
        for item in parameters
        if item["in"] == "header" and item.get("required")
    ]
    if "requestBody" in operation:
        example = operation["requestBody"]["content"]["application/json"]["example"]
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d '{_pretty(example)}'")
    return " \\\n  ".join(lines)


def _answer(status: str, answer: Json) -> Answer:
    # There are two where the same is said in two forms, as of /metrics; its examples are text.
    media_type, content = next(iter(answer["content"].items()))
    examples = content.get("examples", {})
    if media_type.endswith("problem+json"):
        return Answer(status, answer["description"], "", tuple(examples))
    values = [content["example"]] if "example" in content else []
    values += [example["value"] for example in examples.values()]
    return Answer(status, answer["description"], "\n".join(map(_pretty, values)), ())


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
