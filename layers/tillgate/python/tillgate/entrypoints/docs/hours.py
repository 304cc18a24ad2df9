"""Opening hours and who is quiet, as the OpenAPI document has them."""

from __future__ import annotations

from tillgate.domain.opening_hours import MAX_QUIET_LISTED
from tillgate.entrypoints.docs.admin import (
    BODY_PROBLEMS,
    EXAMPLE_SOURCE,
    EXAMPLE_TENANT_ID,
    TENANT_PATH,
    operation,
)
from tillgate.entrypoints.docs.answers import Json, answer, body, parameter

_TAG = ["Silence"]
_TENANT = (parameter("tenant_id"),)
_SOURCE = (parameter("source_id"),)
_HOURS: Json = {
    "time_zone": "Europe/Berlin",
    "opening_hours": {
        "mon": ["09:00-13:00", "14:00-18:00"],
        "fri": ["09:00-18:00"],
        "sat": ["18:00-02:00"],
    },
    "quiet_after_minutes": 60,
}
_KEPT: Json = {"tenant_id": EXAMPLE_TENANT_ID, **_HOURS}
_QUIET: Json = {
    "source_id": EXAMPLE_SOURCE["source_id"],
    "tenant_id": EXAMPLE_TENANT_ID,
    "slug": "corner-cafe",
    "provider": "square",
    "name": "till",
    "quiet_since": "2026-11-23T08:00:00.000000Z",
    "last_event_at": "2026-11-20T16:58:12.000000Z",
    "noticed_at": "2026-11-23T09:00:21.000000Z",
}

PATHS: Json = {
    f"{TENANT_PATH}/hours": {
        "get": operation(
            "readHours",
            "When is a tenant open?",
            {"200": answer("As they were set", "Hours", _KEPT)},
            "not-found",
            parameters=_TENANT,
            tags=_TAG,
        ),
        "put": operation(
            "setHours",
            "Say when a tenant is open",
            {"200": answer("In place of those before", "Hours", _KEPT)},
            "not-found",
            *BODY_PROBLEMS,
            parameters=_TENANT,
            requestBody=body("NewHours", _HOURS),
            description="From now on its sources are listened for: one from which nothing came for "
            "`quiet_after_minutes` of open time is **quiet**, said once in the log, counted in "
            "the gauge `quiet_sources`, and listed until it is heard again. Silence from before "
            "counts for nothing. What the clock skips in spring is when it skips it; of the hour "
            "that comes twice in autumn, the first counts. Events by API token are no source's. "
            "Idempotent.",
            tags=_TAG,
        ),
        "delete": operation(
            "removeHours",
            "Listen for a tenant's sources no more",
            {"200": answer("The hours as they were before", "Hours", _KEPT)},
            "not-found",
            parameters=_TENANT,
            tags=_TAG,
        ),
    },
    "/admin/api/sources/{source_id}/quiet-after": {
        "put": operation(
            "setQuietAfter",
            "Give a source a patience of its own",
            {
                "200": answer(
                    "Set, or so already", "Source", {**EXAMPLE_SOURCE, "quiet_after_minutes": 240}
                )
            },
            "not-found",
            *BODY_PROBLEMS,
            parameters=_SOURCE,
            requestBody=body("NewQuietAfter", {"minutes": 240}),
            description="In place of its tenant's `quiet_after_minutes`; it counts only while the "
            "tenant has opening hours. Idempotent.",
            tags=_TAG,
        ),
        "delete": operation(
            "removeQuietAfter",
            "Let a source be as its tenant has it",
            {"200": answer("So now, or so already", "Source", EXAMPLE_SOURCE)},
            "not-found",
            parameters=_SOURCE,
            tags=_TAG,
        ),
    },
    "/admin/api/quiet-sources": {
        "get": operation(
            "listQuietSources",
            "Who is quiet?",
            {"200": answer("The longest quiet first", "QuietSources", {"sources": [_QUIET]})},
            description=f"At most {MAX_QUIET_LISTED:,}, as the watcher found them within the last "
            "minutes.",
            tags=_TAG,
        )
    },
}
