"""The fields that docs/logs.md documents."""

from __future__ import annotations

import re
from pathlib import Path

_PAGE = Path(__file__).parents[1] / "docs/logs.md"


def documented(where: str) -> set[str]:
    """Give the fields of lines of this kind: R, M or T."""
    table = _PAGE.read_text(encoding="utf-8").partition("## Fields")[2].partition("\n## ")[0]
    fields: set[str] = set()
    for row in table.splitlines():
        cells = [cell.strip() for cell in row.split("|")]
        if len(cells) > 3 and where in cells[2].split():
            fields |= set(re.findall(r"`([A-Za-z_]+)`", cells[1]))
    return fields
