"""The shapes of rotations, and what is told of secrets' age (JSON Schema 2020-12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.endpoint_rotation import (
    DEFAULT_OVERLAP_SECONDS,
    MAX_OVERLAP_SECONDS,
    OLD_AFTER_DAYS,
    SecretWarning,
)
from tillgate.entrypoints.docs.schemas import COUNT, INSTANT, UUID, nullable, obj

if TYPE_CHECKING:
    from tillgate.entrypoints.docs.answers import Json

_WARNINGS: Json = {
    "type": "array",
    "items": {"enum": list(SecretWarning)},
    "description": f"`{SecretWarning.OLD}`: it has been good for {OLD_AFTER_DAYS} days or more. "
    f"`{SecretWarning.PREVIOUS_IN_USE}`: beyond the overlap that was asked for, deliveries are "
    f"signed with the previous secret. `{SecretWarning.REPLACED_IN_USE}`: the token ends within "
    "two days, and was used within the last.",
}
# What apps and sources say of their secrets.
SECRETS: Json = {
    "secret_set_at": {
        **nullable(INSTANT),
        "description": "Since when the secret is; null while `pending`. A rotation begins it anew.",
    },
    "secret_age_days": {**nullable(COUNT), "description": "Whole days since then."},
    "previous_secret": {
        **nullable(
            obj(
                {
                    "rotated_at": INSTANT,
                    "overlap_ends_at": {**INSTANT, "description": "As it was asked for."},
                    "good_until": {
                        **INSTANT,
                        "description": "Later than that where the vendor goes on signing with it: "
                        "then until it has been silent for 24 h.",
                    },
                    "ends_by": {**INSTANT, "description": "However long it is signed with."},
                    "last_matched_at": {
                        **nullable(INSTANT),
                        "description": "When a delivery last came that it signed, a minute or two "
                        "late; null when none did since the rotation.",
                    },
                }
            )
        ),
        "description": "The secret before this one, while both are good; else null.",
    },
    "warnings": _WARNINGS,
}
# What a token says of its age and use.
TOKEN_USE: Json = {
    "age_days": COUNT,
    "last_used_at": {
        **nullable(INSTANT),
        "description": "When it was last let in, some minutes late; null when it never was.",
    },
    "replaced_by": {
        **nullable(UUID),
        "description": "The token that a rotation made in its place; null where none did.",
    },
    "warnings": _WARNINGS,
}
OVERLAP: Json = {
    "type": "integer",
    "minimum": 0,
    "maximum": MAX_OVERLAP_SECONDS,
    "default": DEFAULT_OVERLAP_SECONDS,
    "description": "So long the old one is good beside the new one. 0: it ends at once, as after "
    "a leak.",
}


def rotation_schemas(secret: Json) -> Json:
    """Give what the calls take; ``secret`` is a secret's shape."""
    return {
        "NewTokenRotation": obj({"overlap_seconds": OVERLAP}, optional=("overlap_seconds",)),
        "NewRotation": obj(
            {
                "secret": {
                    **secret,
                    "description": "With which the vendor signs from now on; made for you when "
                    "left out, but for a vendor that issues it after a handshake.",
                },
                "overlap_seconds": OVERLAP,
                "replace_previous": {
                    "type": "boolean",
                    "description": "While a rotation is under way: its old secret ends at once.",
                },
            },
            optional=("secret", "overlap_seconds", "replace_previous"),
        ),
    }
