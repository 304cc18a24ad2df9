"""What a rotation takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tillgate.domain.rotation import DEFAULT_OVERLAP_SECONDS, MAX_OVERLAP_SECONDS
from tillgate.entrypoints.admin_bodies import AdminBody, Secret

Overlap = Annotated[int, Field(ge=0, le=MAX_OVERLAP_SECONDS)]


class TokenRotationBody(AdminBody):
    """0: the old one ends at once."""

    overlap_seconds: Overlap = DEFAULT_OVERLAP_SECONDS


class RotationBody(TokenRotationBody):
    """``replace_previous``: of two that are good, the older may end."""

    secret: Secret | None = None
    replace_previous: bool = False
