"""What the admin API's calls about keeping and erasing take, checked as the others are."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from tillgate.entrypoints.admin_bodies import SLUG_PATTERN, AdminBody
from tillgate.entrypoints.delivery_bodies import whole
from tillgate.settings.function import MAX_EVENT_RETENTION_DAYS, MIN_EVENT_RETENTION_DAYS


class RetentionBody(AdminBody):
    days: Annotated[
        int,
        BeforeValidator(whole),
        Field(ge=MIN_EVENT_RETENTION_DAYS, le=MAX_EVENT_RETENTION_DAYS),
    ]


class ErasureBody(AdminBody):
    """``slug`` is the tenant's, by which a person says that this one is meant."""

    slug: Annotated[str, Field(pattern=SLUG_PATTERN)]
