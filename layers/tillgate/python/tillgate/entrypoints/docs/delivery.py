"""Destinations and replay, as the OpenAPI document has them."""

from __future__ import annotations

from tillgate.domain.stored_event import cursor_after
from tillgate.domain.tenant import EventId
from tillgate.entrypoints.docs.admin import (
    BODY_PROBLEMS,
    EXAMPLE_TENANT_ID,
    TENANT_PATH,
    operation,
)
from tillgate.entrypoints.docs.answers import Json, answer, body, parameter
from tillgate.entrypoints.docs.problems import EXAMPLE_EVENT_ID, EXAMPLE_RID
from tillgate.entrypoints.routes import PROBE_PATH, SYNTHETIC_PATH

_TAG = ["Delivery"]
_AT = "2026-11-23T09:30:00.000000Z"
_LATER = "2026-11-23T09:30:05.000000Z"
_REASON = "http-401"
_DESTINATION: Json = {
    "tenant_id": EXAMPLE_TENANT_ID,
    "kind": "supabase",
    "url": "https://abcdefghijklmnop.supabase.co",
    "set_at": _AT,
    "breaker": {"state": "closed", "failures": 0, "open_until": None},
}
_SPARED: Json = {
    **_DESTINATION,
    "breaker": {"state": "open", "failures": 5, "open_until": _LATER},
}
_TENANT = (parameter("tenant_id"),)
_ONE: Json = {
    "get": operation(
        "readDestination",
        "Where do a tenant's events go?",
        {
            "200": answer(
                "Without the secret",
                "Destination",
                _DESTINATION,
                others={"spared after failures": _SPARED},
            )
        },
        "not-found",
        parameters=_TENANT,
        tags=_TAG,
    ),
    "put": operation(
        "setDestination",
        "Deliver a tenant's events there",
        {
            "200": answer("In place of the one before", "Destination", _DESTINATION),
            "201": answer("Its first one", "Destination", _DESTINATION),
        },
        "not-found",
        *BODY_PROBLEMS,
        parameters=_TENANT,
        requestBody=body(
            "NewDestination",
            {"kind": "supabase", "url": _DESTINATION["url"], "secret": "made-up-example"},
        ),
        description="Events accepted from now on go there, and so do those that wait. What was "
        "accepted while there was none stays where it is: a replay of those with the status "
        "`none` delivers them. Idempotent; closes the breaker.",
        tags=_TAG,
    ),
    "delete": operation(
        "removeDestination",
        "Deliver a tenant's events nowhere",
        {"200": answer("What was removed", "Destination", _DESTINATION)},
        "not-found",
        parameters=_TENANT,
        tags=_TAG,
    ),
}
_TEST: Json = {
    "post": operation(
        "testDestination",
        "Does the destination take what is sent?",
        {
            "200": answer(
                "What the destination did",
                "DestinationTest",
                {"outcome": "delivered", "status": 201, "duration_ms": 84.2, "reason": None},
                others={
                    "refused": {
                        "outcome": "gave_up",
                        "status": 401,
                        "duration_ms": 61.7,
                        "reason": _REASON,
                    }
                },
            )
        },
        "not-found",
        parameters=_TENANT,
        description="Makes a delivery's request with no event in it: address, secret, table and "
        "the right to write are put to the test, and nothing is stored there. The breaker is "
        "neither asked nor told.",
        tags=_TAG,
    )
}
_SYNTHETIC: Json = {
    "delete": operation(
        "discardSyntheticEvent",
        "Take a synthetic event away again",
        {
            "200": answer(
                "What became of its copy; of the event nothing is left here",
                "SyntheticDiscarded",
                {
                    "event_id": EXAMPLE_EVENT_ID,
                    "destination": {
                        "is_removed": True,
                        "status": 204,
                        "duration_ms": 61.7,
                        "reason": None,
                    },
                },
                others={
                    "never sent": {"event_id": EXAMPLE_EVENT_ID, "destination": None},
                    "copy stays": {
                        "event_id": EXAMPLE_EVENT_ID,
                        "destination": {
                            "is_removed": False,
                            "status": 403,
                            "duration_ms": 58.1,
                            "reason": "http-403-42501",
                        },
                    },
                },
            )
        },
        "not-found",
        "delivery-under-way",
        parameters=(*_TENANT, parameter("event_id")),
        description="Only an event of the last day in whose data `tillgate-synthetic-` and a UUID "
        "stand: any other is `not-found`. Its key, delivery and attempts are deleted with it, and "
        "its row at the destination. Where that row cannot be removed, the answer says why, and "
        "the rest is deleted all the same. What was counted stays counted.",
        tags=_TAG,
    )
}
_REPLAY: Json = {
    "post": operation(
        "replayEvents",
        "Deliver a tenant's events again",
        {
            "200": answer(
                "One step",
                "ReplayStep",
                {
                    "count": 1000,
                    "dry_run": False,
                    "next_cursor": cursor_after(EventId(EXAMPLE_EVENT_ID)),
                },
            )
        },
        "not-found",
        "no-destination",
        *BODY_PROBLEMS,
        parameters=_TENANT,
        requestBody=body(
            "NewReplay",
            {"since": "2026-11-23T00:00:00Z", "status": "gave_up", "dry_run": False},
        ),
        description="Whatever became of them before; those that wait already are left alone, and "
        "not counted. A step looks at 1,000 events at most, the newest first: repeat the call "
        "with `next_cursor` as `cursor` until that is null. Repeating a step is safe.",
        tags=_TAG,
    )
}
_REPLAY_ONE: Json = {
    "post": operation(
        "replayTenantEvent",
        "Deliver one event again",
        {
            "202": answer(
                "It will be delivered",
                "Replayed",
                {"event_id": EXAMPLE_EVENT_ID, "rid": EXAMPLE_RID},
            )
        },
        "not-found",
        "no-destination",
        parameters=(*_TENANT, parameter("event_id")),
        tags=_TAG,
    )
}
PATHS: Json = {
    f"{TENANT_PATH}/destination": _ONE,
    PROBE_PATH: _TEST,
    SYNTHETIC_PATH: _SYNTHETIC,
    f"{TENANT_PATH}/replay": _REPLAY,
    f"{TENANT_PATH}/events/{{event_id}}/replay": _REPLAY_ONE,
}
