"""The shapes of opening hours and of who is quiet (JSON Schema 2020-12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.opening_hours import MAX_QUIET_LISTED
from tillgate.domain.silence import (
    MAX_QUIET_AFTER_MINUTES,
    MAX_SPELLS_A_DAY,
    SPELL_PATTERN,
    WEEKDAYS,
)
from tillgate.entrypoints.docs.schemas import INSTANT, TEXT, UUID, nullable, obj
from tillgate.entrypoints.hours_bodies import TIME_ZONE_PATTERN

if TYPE_CHECKING:
    from tillgate.entrypoints.docs.answers import Json

QUIET_AFTER: Json = {"type": "integer", "minimum": 0, "maximum": MAX_QUIET_AFTER_MINUTES}
_MINUTES: Json = {
    **QUIET_AFTER,
    "minimum": 1,
    "description": "A source is quiet once so many minutes passed in which the shop was open and"
    " nothing came.",
}
_ZONE: Json = {
    "type": "string",
    "pattern": TIME_ZONE_PATTERN,
    "description": "A name of the IANA time zone database, such as `Europe/Berlin`.",
}
_DAY: Json = {
    "type": "array",
    "items": {"type": "string", "pattern": SPELL_PATTERN},
    "maxItems": MAX_SPELLS_A_DAY,
}
_OPENING_HOURS: Json = {
    **obj(dict.fromkeys(WEEKDAYS, _DAY), optional=WEEKDAYS),
    "description": "From when to when, by the weekday on which it opens, in local time:"
    " `18:00-02:00` closes on the next day, `00:00-24:00` is the whole day. None may begin before"
    " another has ended, and there is one at least. A weekday that is left out is closed.",
}

HOURS: Json = {
    "NewHours": obj(
        {
            "time_zone": _ZONE,
            "opening_hours": _OPENING_HOURS,
            "quiet_after_minutes": _MINUTES,
        }
    ),
    "Hours": obj(
        {
            "tenant_id": UUID,
            "time_zone": _ZONE,
            "opening_hours": _OPENING_HOURS,
            "quiet_after_minutes": _MINUTES,
        }
    ),
    "NewQuietAfter": obj(
        {"minutes": {**QUIET_AFTER, "description": "Of open time; 0: it is never called quiet."}}
    ),
    "QuietSources": obj(
        {
            "sources": {
                "type": "array",
                "maxItems": MAX_QUIET_LISTED,
                "items": obj(
                    {
                        "source_id": UUID,
                        "tenant_id": UUID,
                        "slug": TEXT,
                        "provider": TEXT,
                        "name": TEXT,
                        "quiet_since": {
                            **INSTANT,
                            "description": "The first open instant without an event.",
                        },
                        "last_event_at": {
                            **nullable(INSTANT),
                            "description": "Null: nothing ever came.",
                        },
                        "noticed_at": INSTANT,
                    }
                ),
            }
        }
    ),
}
