"""What a rotation takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from tillgate.domain.endpoint_rotation import DEFAULT_OVERLAP_SECONDS, MAX_OVERLAP_SECONDS
from tillgate.entrypoints.admin_bodies import AdminBody, Secret
from tillgate.entrypoints.delivery_bodies import whole

Overlap = Annotated[int, BeforeValidator(whole), Field(ge=0, le=MAX_OVERLAP_SECONDS)]


class TokenRotationBody(AdminBody):
    """0: the old one ends at once."""

    overlap_seconds: Overlap = DEFAULT_OVERLAP_SECONDS


class RotationBody(TokenRotationBody):
    """``replace_previous``: of two that are good, the older may end."""

    secret: Secret | None = None
    replace_previous: bool = False
