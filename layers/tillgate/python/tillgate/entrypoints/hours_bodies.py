"""What the admin API's calls about silence take, checked as the others are."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, field_validator

from tillgate.domain.errors import Fault
from tillgate.domain.silence import MAX_QUIET_AFTER_MINUTES, MAX_SPELLS_A_DAY, hours_faults
from tillgate.entrypoints.admin_bodies import AdminBody
from tillgate.entrypoints.delivery_bodies import whole

TIME_ZONE_PATTERN = r"^[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}$"
_NO_ZONE = "must be a name of the IANA time zone database, such as Europe/Berlin"

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Spells = Annotated[list[str], Field(max_length=MAX_SPELLS_A_DAY)]


class HoursBody(AdminBody):
    time_zone: str
    opening_hours: dict[Weekday, Spells]
    quiet_after_minutes: Annotated[
        int, BeforeValidator(whole), Field(ge=1, le=MAX_QUIET_AFTER_MINUTES)
    ]

    @field_validator("time_zone")
    @classmethod
    def _know_time_zone(cls, value: str) -> str:
        # Reading the list takes some milliseconds, and a name may not lead out of its folder.
        if value not in available_timezones():
            raise ValueError(_NO_ZONE)
        return value

    def faults(self) -> list[Fault]:
        hours = {str(day): written for day, written in self.opening_hours.items()}
        return [
            Fault(f"/opening_hours{fault.pointer}", fault.detail) for fault in hours_faults(hours)
        ]


class QuietAfterBody(AdminBody):
    """``minutes`` 0: it is never called quiet."""

    minutes: Annotated[int, BeforeValidator(whole), Field(ge=0, le=MAX_QUIET_AFTER_MINUTES)]
