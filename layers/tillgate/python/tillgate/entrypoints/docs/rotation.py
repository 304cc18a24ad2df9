"""Rotation, as the OpenAPI document has it."""

from __future__ import annotations

from tillgate.entrypoints.docs.admin import (
    BODY_PROBLEMS,
    EXAMPLE_APP,
    EXAMPLE_SOURCE,
    EXAMPLE_TOKEN,
    operation,
)
from tillgate.entrypoints.docs.answers import Json, answer, body, parameter

_TAG = ["Rotation"]
_PREVIOUS: Json = {
    "previous_secret": {
        "rotated_at": "2026-11-26T10:00:00.000000Z",
        "overlap_ends_at": "2026-12-03T10:00:00.000000Z",
        "good_until": "2026-12-03T10:00:00.000000Z",
        "ends_by": "2026-12-26T10:00:00.000000Z",
        "last_matched_at": None,
    },
    "secret_set_at": "2026-11-26T10:00:00.000000Z",
    "secret_age_days": 0,
}
_NEW: Json = {"secret": "made-up-example", "overlap_seconds": 7 * 86_400}
_ROTATING = (
    "The new secret is good at once (a sandbox that looked the endpoint up within the last 5 s "
    "learns of it when those are over; what is refused until then is kept in quarantine). The old "
    "one is good for the overlap too, and while it is still signed with: until it has been silent "
    "for 24 h, and for 30 days at most; then it is gone. Without an overlap it ends within the "
    "30 s for which sandboxes remember it. Two are good at most: 409 while a rotation is under "
    "way, unless `replace_previous` ends the older one, or `overlap_seconds` is 0, which ends "
    "all but the new one. Repeated with the secret that is current already it changes nothing, "
    "but that with `overlap_seconds` 0 nothing else is good afterwards. "
)
_RETIRING = (
    "Deliveries that it signed are refused within 30 s, and kept in quarantine. Idempotent: also "
    "where there is none."
)


def _rotate(
    operation_id: str, summary: str, schema: str, example: Json, *, path: str, more: str = ""
) -> Json:
    return {
        "post": operation(
            operation_id,
            summary,
            {"200": answer("Both are good now", schema, {**example, **_PREVIOUS})},
            "not-found",
            "rotation-conflict",
            *BODY_PROBLEMS,
            parameters=(parameter(path),),
            requestBody=body("NewRotation", _NEW),
            description=_ROTATING + more,
            tags=_TAG,
        )
    }


def _retire(operation_id: str, summary: str, schema: str, example: Json, *, path: str) -> Json:
    return {
        "delete": operation(
            operation_id,
            summary,
            {"200": answer("The current one is the only one", schema, example)},
            "not-found",
            parameters=(parameter(path),),
            description=_RETIRING,
            tags=_TAG,
        )
    }


PATHS: Json = {
    "/admin/api/apps/{app_id}/secret/rotate": _rotate(
        "rotateAppSecret",
        "Rotate an app's secret, with an overlap",
        "RegisteredApp",
        EXAMPLE_APP,
        path="app_id",
    ),
    "/admin/api/apps/{app_id}/secret/previous": _retire(
        "retireAppSecret",
        "End an app's previous secret",
        "App",
        EXAMPLE_APP,
        path="app_id",
    ),
    "/admin/api/sources/{source_id}/secret/rotate": _rotate(
        "rotateSourceSecret",
        "Rotate a source's secret, with an overlap",
        "AddedSource",
        EXAMPLE_SOURCE,
        path="source_id",
        more="A source that is bound to an app has no secret of its own: 404.",
    ),
    "/admin/api/sources/{source_id}/secret/previous": _retire(
        "retireSourceSecret",
        "End a source's previous secret",
        "Source",
        EXAMPLE_SOURCE,
        path="source_id",
    ),
    "/admin/api/tokens/{token_id}/rotate": {
        "post": operation(
            "rotateToken",
            "Make a token in the place of another, with an overlap",
            {
                "201": answer(
                    "The new one, shown once; and the old one, which ends",
                    "RotatedToken",
                    {
                        **EXAMPLE_TOKEN,
                        "token": "tg_live_4f9Q-EXAMPLE-EXAMPLE-EXAMPLE-EXAMPLE-EXAMPL",
                        "replaced": {
                            **EXAMPLE_TOKEN,
                            "token_id": "9c8b7a6d-5e4f-4d3c-8b2a-1f0e9d8c7b6a",
                            "revoked_at": "2026-12-03T10:00:00.000000Z",
                            "replaced_by": EXAMPLE_TOKEN["token_id"],
                        },
                    },
                )
            },
            "not-found",
            "rotation-conflict",
            *BODY_PROBLEMS,
            parameters=(parameter("token_id"),),
            requestBody=body("NewTokenRotation", {"overlap_seconds": 7 * 86_400}),
            description="The new token is good at once; the old one until its `revoked_at`, "
            "which is the overlap's end and is not put off. `last_used_at` tells whether its "
            "holder has changed over. What came while it was good, and waited, is stored. "
            "Repeated, the call is answered 409, which names the successor.",
            tags=_TAG,
        )
    },
}
