"""Under which licence a package is, and whether the policy lets it in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from license_expression import (  # type: ignore[import-untyped]  # the library has no types
    AND,
    OR,
    Licensing,
)
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

if TYPE_CHECKING:
    from collections.abc import Collection

    from license_expression import LicenseExpression

# PyPI's classifiers from before licences were SPDX expressions, as far as we meet them. "BSD"
# does not say which: https://pypi.org/classifiers/
CLASSIFIED = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "LicenseRef-BSD",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
}
# Who approves of a licence is not which one it is.
UNSPECIFIC = {"License :: OSI Approved", "License :: DFSG approved"}


class Metadata(Protocol):
    """A distribution's METADATA, as importlib.metadata and email both read it."""

    def __getitem__(self, key: str, /) -> str: ...
    def __contains__(self, key: str, /) -> bool: ...
    def get_all(self, name: str, /) -> list[str] | None: ...


def canonical(stated: str) -> str:
    """Give an SPDX expression as SPDX writes it, or nothing when it is none."""
    try:
        return str(canonicalize_license_expression(stated))
    except InvalidLicenseExpression:
        return ""


def declared(metadata: Metadata) -> str:
    """Give the SPDX expression that a distribution declares, or nothing where it says none.

    License-Expression (https://peps.python.org/pep-0639/) goes first; then License, where that is
    an expression, since a classifier may be less exact; then the classifiers, all of which hold.
    """
    for field in ("License-Expression", "License"):
        if field in metadata and (expression := canonical(metadata[field])):
            return expression
    named = set(metadata.get_all("Classifier") or []) - UNSPECIFIC
    classified = sorted(name for name in named if name.startswith("License ::"))
    if classified and all(name in CLASSIFIED for name in classified):
        return " AND ".join(CLASSIFIED[name] for name in classified)
    if not classified and "License" in metadata and metadata["License"] == "BSD":
        return "LicenseRef-BSD"
    return ""


def permitted(expression: str, allowed: Collection[str]) -> bool:
    """Say whether an SPDX expression can be met with allowed licences: all of AND, one of OR.

    A licence with an exception (``WITH``) is one of its own.
    """
    parsed = Licensing().parse(expression)
    return parsed is not None and holds(parsed, allowed)


def holds(parsed: LicenseExpression, allowed: Collection[str]) -> bool:
    if isinstance(parsed, AND):
        return all(holds(part, allowed) for part in parsed.args)
    if isinstance(parsed, OR):
        return any(holds(part, allowed) for part in parsed.args)
    return str(parsed) in allowed
