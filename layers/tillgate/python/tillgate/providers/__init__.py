"""The POS vendors that Tillgate understands: each a module here. An eleventh is one more file.

A vendor's module is named as the vendor is in the URL, and has ``PROVIDER``.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tillgate.domain.provider import Provider


class Providers(Mapping[str, "Provider"]):
    """By name. A module is loaded when its vendor is first asked for.

    A sandbox that starts because of one vendor's request does not wait for nine others' code.
    """

    def __init__(self, package: str, folder: Path) -> None:
        self._package = package
        modules = sorted(path.stem for path in folder.glob("*.py"))
        self._known: dict[str, Provider | None] = dict.fromkeys(modules)
        del self._known["__init__"]

    def __getitem__(self, name: str) -> Provider:
        """Raises KeyError for a vendor that nobody knows."""
        provider = self._known[name]
        if provider is None:
            module = importlib.import_module(f"{self._package}.{name}")
            provider = self._known[name] = module.PROVIDER
        return provider

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, name: object) -> bool:
        """Tell without loading it."""
        return name in self._known


PROVIDERS: Mapping[str, Provider] = Providers(__name__, Path(__file__).parent)
