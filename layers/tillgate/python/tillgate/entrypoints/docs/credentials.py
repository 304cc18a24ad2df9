"""Sources' credentials for their vendors' APIs, as the OpenAPI document has them."""

from __future__ import annotations

from tillgate.domain.enrichment import API_URLS
from tillgate.entrypoints.docs.admin import BODY_PROBLEMS, CLOVER_SOURCE, operation
from tillgate.entrypoints.docs.answers import Json, answer, body, parameter

_PARAMETERS = (parameter("source_id"),)
_TAG = ["Delivery"]
_READY: Json = {
    **CLOVER_SOURCE,
    "state": "ready",
    "verification_code": None,
    "credential": {
        "api_url": "https://api.eu.clover.com",
        "set_at": "2026-11-23T09:30:00.000000Z",
    },
}

PATHS: Json = {
    "/admin/api/sources/{source_id}/credential": {
        "put": operation(
            "setSourceCredential",
            "Fetch what a source's events only name",
            {"200": answer("Set, or so already; without the token", "Source", _READY)},
            "not-found",
            *BODY_PROBLEMS,
            parameters=_PARAMETERS,
            requestBody=body(
                "NewCredential",
                {"token": "made-up-example", "api_url": "https://api.eu.clover.com"},
            ),
            description="The events of some vendors only name what changed: "
            f"{', '.join(name.capitalize() for name in API_URLS)}'s; another's source is "
            "refused. With the merchant's own API token the object is fetched when the event is "
            "delivered, and stored in the columns `object`, `enrichment` and "
            "`enrichment_reason`: **run ops/supabase/schema.sql at the destination again before "
            "this**, else what is fetched is given up as `http-400-PGRST204`, to be redriven when "
            "that was done. An event whose object cannot be had within an hour is delivered "
            "without, marked `gave_up`. A source that is bound to an app has a credential of its "
            "own, too. Idempotent.",
            tags=_TAG,
        ),
        "delete": operation(
            "removeSourceCredential",
            "Fetch nothing more for a source",
            {"200": answer("The source as it was before", "Source", _READY)},
            "not-found",
            parameters=_PARAMETERS,
            description="Its events are delivered as they came, marked `none`.",
            tags=_TAG,
        ),
    }
}
