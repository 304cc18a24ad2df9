"""Dashboards as CloudWatch would read them, out of a template."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Widget = dict[str, Any]


def body_of(resource: dict[str, Any]) -> dict[str, Any]:
    """Read a dashboard's body, in which what CloudFormation fills in stands as ``${name}``."""
    body = resource["Properties"]["DashboardBody"]
    parts = body["Fn::Join"][1] if isinstance(body, dict) else [body]
    read = json.loads("".join(part if isinstance(part, str) else _named(part) for part in parts))
    assert isinstance(read, dict)
    return read


def _named(intrinsic: dict[str, Any]) -> str:
    ((_, value),) = intrinsic.items()
    text = value[0] if isinstance(value, list) else value
    return f"${{{text}}}"


@dataclass(frozen=True, slots=True)
class Drawn:
    """One metric of a widget."""

    namespace: str
    name: str
    dimensions: dict[str, str]
    statistic: str


def drawn(widget: Widget) -> Iterator[Drawn]:
    """Give the metrics of a widget, also those that only an expression reads."""
    for row in widget["properties"].get("metrics", []):
        texts = [cell for cell in row if isinstance(cell, str)]
        if texts:
            namespace, name, *pairs = texts
            options = row[-1] if isinstance(row[-1], dict) else {}
            dimensions = dict(zip(pairs[::2], pairs[1::2], strict=True))
            yield Drawn(namespace, name, dimensions, options.get("stat", "Average"))


def expressions(widget: Widget) -> list[str]:
    rows = widget["properties"].get("metrics", [])
    return [row[0]["expression"] for row in rows if isinstance(row[0], dict)]


def grid(widgets: list[Widget]) -> str:
    """Draw where the widgets stand: a letter each, ``#`` where two do, a line a row of height."""
    height = max(w["y"] + w["height"] for w in widgets)
    cells = [["."] * 24 for _ in range(height)]
    for number, widget in enumerate(widgets):
        letter = chr(ord("A") + number % 26)
        for y in range(widget["y"], widget["y"] + widget["height"]):
            for x in range(widget["x"], min(widget["x"] + widget["width"], 24)):
                cells[y][x] = letter if cells[y][x] == "." else "#"
    names = [
        f"{chr(ord('A') + n % 26)} {w['properties'].get('title', w['type'])}"
        for n, w in enumerate(widgets)
    ]
    return "\n".join(["", *("".join(row) for row in cells), *names])


def lines_of(widget: Widget) -> list[tuple[str, float]]:
    """Give the horizontal lines of a widget: label and value."""
    lines = widget["properties"].get("annotations", {}).get("horizontal", [])
    return [(line["label"], line["value"]) for line in lines]
