"""Canaries: texts that must never come out, and the search for them in whatever came out."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

# How many characters of base64 the bytes before ours take part in, by how many there are.
_SHARED = (0, 2, 3)


class Canaries:
    """Made up by name, each once; ``found_in`` names those that a text gives away."""

    def __init__(self) -> None:
        self._planted: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        return self._planted.setdefault(name, f"canary{uuid.uuid4().hex[:20]}")

    def plant(self, name: str, text: str) -> str:
        """Take a secret that another made for one."""
        self._planted[name] = text
        return text

    def found_in(self, text: str) -> set[str]:
        return {
            name
            for name, canary in self._planted.items()
            if any(form in text for form in forms(canary))
        }


def forms(canary: str) -> Iterator[str]:
    """Give the ways in which a secret is still readable, or can be tried out."""
    plain = canary.encode()
    yield canary
    yield json.dumps(canary)[1:-1]
    yield quote(canary, safe="")
    yield plain.hex()
    yield hashlib.sha256(plain).hexdigest()
    for before, shared in enumerate(_SHARED):
        encoded = base64.b64encode(b"\0" * before + plain).decode()
        whole = (before + len(plain)) * 8 // 6
        yield encoded[shared:whole]
        yield base64.urlsafe_b64encode(b"\0" * before + plain).decode()[shared:whole]
