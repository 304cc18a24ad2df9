"""The shapes of what the operator sends and gets (JSON Schema 2020-12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.administration import MAX_COUNTED, EndpointState
from tillgate.domain.tenant import TenantState
from tillgate.entrypoints import admin_bodies as bodies
from tillgate.entrypoints.docs.answers import Json, schema
from tillgate.entrypoints.docs.hours_schemas import QUIET_AFTER
from tillgate.entrypoints.docs.limits import LIMIT_FIELDS
from tillgate.entrypoints.docs.rotation_schemas import SECRETS, TOKEN_USE, rotation_schemas
from tillgate.entrypoints.docs.schemas import COUNT, FLAG, INSTANT, TEXT, UUID, nullable, obj

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tillgate.domain.provider import Provider

_NAME: Json = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": bodies.NAME_PATTERN}
_MERCHANT: Json = {**_NAME, "maxLength": 255, "description": "The vendor's id of the merchant."}
_SECRET: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": 512,
    "pattern": bodies.SECRET_PATTERN,
    "description": "With which the vendor signs; made for you when left out. A vendor that issues "
    "it after a handshake (Clover, Zettle): leave it out, and set it then.",
}
_REPLACING = (
    "With which the vendor signs from now on. For `standard`: base64, with or without `whsec_`."
)
_PUBLIC_URL: Json = {
    "type": "string",
    "maxLength": 1024,
    "pattern": bodies.PUBLIC_URL_PATTERN,
    "description": "Tillgate's own address; the path of the hook is added to it.",
}
_NOTIFICATION_URL: Json = {
    "type": "string",
    "maxLength": 2048,
    "pattern": bodies.NOTIFICATION_URL_PATTERN,
    "description": "The whole URL as registered at the vendor, which some vendors sign.",
}

_TENANT: Json = {
    "tenant_id": UUID,
    "slug": {"type": "string", "pattern": bodies.SLUG_PATTERN},
    "name": _NAME,
    "state": {"enum": list(TenantState)},
    "created_at": INSTANT,
    "limit": obj({**LIMIT_FIELDS, "is_default": FLAG}),
    "limited_at": {
        **nullable(INSTANT),
        "description": "When the tenant was last found to be over its limit; null when it never "
        "was. Seconds late.",
    },
}
_TOKEN: Json = {
    "token_id": UUID,
    "tenant_id": UUID,
    "name": _NAME,
    "hint": {**TEXT, "description": "How the token begins."},
    "created_at": INSTANT,
    "revoked_at": {
        **nullable(INSTANT),
        "description": "When it was revoked, or will be: a rotation sets a time that lies ahead.",
    },
    **TOKEN_USE,
}
_HANDSHAKE: Json = {
    "state": {
        "enum": list(EndpointState),
        "description": "`pending` until the secret is set that a vendor issues after a handshake.",
    },
    "verification_code": {
        **nullable(TEXT),
        "description": "What to type in at the vendor, which sent it while this is pending; else "
        "null.",
    },
    "handshake_at": {
        **nullable(INSTANT),
        "description": "When a set-up request last came while this was pending; null when none "
        "did. Anyone can send one.",
    },
}
_APP: Json = {
    "app_id": UUID,
    "provider": TEXT,
    "name": _NAME,
    "notification_url": TEXT,
    **_HANDSHAKE,
    "created_at": INSTANT,
    **SECRETS,
}
_SOURCE: Json = {
    "source_id": UUID,
    "tenant_id": UUID,
    "provider": TEXT,
    "name": _NAME,
    "merchant_id": nullable(TEXT),
    "app_id": nullable(UUID),
    "notification_url": TEXT,
    **_HANDSHAKE,
    "created_at": INSTANT,
    "credential": {
        **nullable(obj({"api_url": TEXT, "set_at": INSTANT})),
        "description": "For the vendor's API, without its token; null where it has none.",
    },
    "quiet_after_minutes": {
        **nullable(QUIET_AFTER),
        "description": "Its own; 0: never quiet. Null: as its tenant has it.",
    },
    **SECRETS,
}
_TOKEN_ONCE: Json = {**TEXT, "description": "Given here, and never again."}
_SECRET_ONCE: Json = {
    **TEXT,
    "description": "Only if Tillgate made it, none having been sent; given here, and never again.",
}


def _listed(name: str, of: str) -> Json:
    return obj({name: {"type": "array", "items": schema(of)}})


def _secret_of(name: str, pattern: str) -> Json:
    return {
        "if": {"properties": {"provider": {"const": name}}, "required": ["provider"]},
        "then": {"properties": {"secret": {"pattern": pattern}}},
    }


def admin_schemas(providers: Mapping[str, Provider]) -> Json:
    """Give the admin API's shapes; an app may be of those that sign the merchant."""
    provider: Json = {"type": "string", "enum": list(providers)}
    app_provider: Json = {
        "type": "string",
        "enum": [name for name, made in providers.items() if made.signs_merchant],
        "description": "Those whose signature covers the merchant, which chooses the tenant.",
    }
    own_url: Json = {
        "oneOf": [{"required": ["public_url"]}, {"required": ["notification_url"]}],
        "allOf": [
            _secret_of(name, made.secret_pattern)
            for name, made in providers.items()
            if made.secret_pattern is not None
        ],
    }
    urls: Json = {"public_url": _PUBLIC_URL, "notification_url": _NOTIFICATION_URL}
    return {
        "NewTenant": obj({"slug": _TENANT["slug"], "name": _NAME}),
        "Tenant": obj(_TENANT),
        "Tenants": _listed("tenants", "Tenant"),
        "NewLimit": obj(LIMIT_FIELDS),
        "NewToken": obj({"name": _NAME}),
        "Token": obj(_TOKEN),
        "IssuedToken": obj({**_TOKEN, "token": _TOKEN_ONCE}),
        "Tokens": _listed("tokens", "Token"),
        "NewApp": obj(
            {"provider": app_provider, "name": _NAME, "secret": _SECRET, **urls},
            optional=("secret", *urls),
            **own_url,
        ),
        "App": obj(_APP),
        "RegisteredApp": obj({**_APP, "secret": _SECRET_ONCE}, optional=("secret",)),
        "Apps": _listed("apps", "App"),
        "NewSource": {"oneOf": [schema("NewOwnSource"), schema("NewBoundSource")]},
        "NewOwnSource": obj(
            {
                "provider": provider,
                "name": _NAME,
                "merchant_id": _MERCHANT,
                "secret": _SECRET,
                **urls,
            },
            optional=("name", "merchant_id", "secret", *urls),
            description="A source with a URL and a secret of its own.",
            **own_url,
        ),
        "NewBoundSource": obj(
            {
                "provider": app_provider,
                "name": _NAME,
                "merchant_id": _MERCHANT,
                "app_id": {"type": "string", "pattern": bodies.UUID_PATTERN},
            },
            optional=("name",),
            description="A source bound to an app: the app's URL, this merchant's events.",
        ),
        "Source": obj(_SOURCE),
        "AddedSource": obj({**_SOURCE, "secret": _SECRET_ONCE}, optional=("secret",)),
        "Sources": _listed("sources", "Source"),
        "RotatedToken": obj({**_TOKEN, "token": _TOKEN_ONCE, "replaced": schema("Token")}),
        **rotation_schemas(_SECRET),
        "NewSecret": obj({"secret": {**_SECRET, "description": _REPLACING}}),
        "Status": obj(
            {
                "version": TEXT,
                "stage": TEXT,
                "database": obj({"ok": FLAG, "latency_ms": {"type": "number"}}),
                "migrations": obj({"ok": FLAG, "current": nullable(COUNT), "expected": COUNT}),
                "partitions": obj({"days_ahead": {"type": ["integer", "null"]}}),
                "tenants": nullable(COUNT),
                "dead_letters": nullable(
                    {**COUNT, "description": f"Counted to {MAX_COUNTED}: there may be more."}
                ),
                "open_breakers": nullable(COUNT),
                "old_secrets": {
                    **nullable(COUNT),
                    "description": "Secrets and tokens that have been good for 90 days or more; "
                    f"counted to {MAX_COUNTED}.",
                },
                "previous_secrets_in_use": {
                    **nullable(COUNT),
                    "description": "Endpoints whose previous secret is signed with beyond the "
                    "overlap that was asked for.",
                },
                "key_ring": obj(
                    {
                        "ok": FLAG,
                        "kids": {"type": "array", "items": TEXT},
                        "current": nullable(TEXT),
                    }
                ),
            }
        ),
    }
