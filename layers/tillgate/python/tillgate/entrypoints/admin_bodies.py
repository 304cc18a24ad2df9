"""What the admin API's calls take, checked so that every fault is named at once.

The patterns are the OpenAPI document's too, so that it promises what is checked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from tillgate.domain.errors import Fault, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Collection

    from pydantic_core import ErrorDetails

    from tillgate.domain.json_value import JsonValue

SLUG_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
# Control characters have no place in a name, and NUL none in Postgres.
NAME_PATTERN = r"^[^\x00-\x1f\x7f]+$"
SECRET_PATTERN = r"^[!-~]+$"  # noqa: S105  What secrets look like.
# Standard Webhooks decodes the key from base64, so it has to be that.
STANDARD_SECRET_PATTERN = (
    r"^(whsec_)?([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$"  # noqa: S105  The same.
)
UUID_PATTERN = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
# In the clear only on the machine itself.
_ORIGIN = (
    r"^(https://[A-Za-z0-9.-]{1,253}"
    r"|http://(([A-Za-z0-9-]{1,63}\.){0,4}localhost|127\.0\.0\.1))(:[0-9]{1,5})?"
)
PUBLIC_URL_PATTERN = _ORIGIN + r"(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?$"
NOTIFICATION_URL_PATTERN = (
    _ORIGIN + r"(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?)?$"
)

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=NAME_PATTERN)]
MerchantId = Annotated[str, Field(min_length=1, max_length=255, pattern=NAME_PATTERN)]
Secret = Annotated[str, Field(min_length=1, max_length=512, pattern=SECRET_PATTERN)]
PublicUrl = Annotated[str, Field(max_length=1024, pattern=PUBLIC_URL_PATTERN)]
NotificationUrl = Annotated[str, Field(max_length=2048, pattern=NOTIFICATION_URL_PATTERN)]


class _Body(BaseModel):
    """A JSON object of these members and no others; None stands for an absent one."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("must not be null; leave it out")
        return value

    def faults(self) -> list[Fault]:
        """Name what is wrong between members that are well formed each by itself."""
        return []


class TenantBody(_Body):
    slug: Annotated[str, Field(pattern=SLUG_PATTERN)]
    name: Name


class TokenBody(_Body):
    name: Name


class _EndpointBody(_Body):
    provider: str
    secret: Secret | None = None
    public_url: PublicUrl | None = None
    notification_url: NotificationUrl | None = None

    @field_validator("provider")
    @classmethod
    def _know_provider(cls, value: str, info: ValidationInfo) -> str:
        known = info.context["providers"] if info.context else ()
        if value not in known:
            raise ValueError(f"must be one of {', '.join(sorted(known))}")
        return value

    def faults(self) -> list[Fault]:
        faults = []
        if (self.public_url is None) == (self.notification_url is None):
            faults.append(Fault("", "must hold one of public_url and notification_url"))
        if (
            self.provider == "standard"
            and self.secret is not None
            and not re.fullmatch(STANDARD_SECRET_PATTERN, self.secret)
        ):
            faults.append(Fault("/secret", "must be whsec_ and base64, as Standard Webhooks says"))
        return faults


class AppBody(_EndpointBody):
    name: Name


class SourceBody(_EndpointBody):
    name: Name | None = None
    merchant_id: MerchantId | None = None
    app_id: Annotated[str, Field(pattern=UUID_PATTERN)] | None = None

    def faults(self) -> list[Fault]:
        if self.app_id is None:
            return super().faults()
        faults = [
            Fault(f"/{name}", "is the app's own: leave it out")
            for name in ("secret", "public_url", "notification_url")
            if getattr(self, name) is not None
        ]
        if self.merchant_id is None:
            faults.append(Fault("/merchant_id", "is required with app_id"))
        return faults


# Pydantic's own words for these speak of Python.
_MESSAGES = {
    "model_type": "must be an object",
    "extra_forbidden": "is not a field of this call",
    "missing": "is required",
    "string_type": "must be a string",
}

BodyT = TypeVar("BodyT", bound=_Body)


def checked(model: type[BodyT], value: JsonValue, *, providers: Collection[str]) -> BodyT:
    """Make a body of parsed JSON. Raises InvalidRequestError that names every fault."""
    try:
        body = model.model_validate(value, context={"providers": providers})
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise InvalidRequestError([_fault(detail) for detail in details]) from None
    faults = body.faults()
    if faults:
        raise InvalidRequestError(faults)
    return body


def _fault(detail: ErrorDetails) -> Fault:
    steps = (str(step)[:128].replace("~", "~0").replace("/", "~1") for step in detail["loc"])
    message = _MESSAGES.get(detail["type"], detail["msg"].removeprefix("Value error, "))
    return Fault("".join(f"/{step}" for step in steps), message)
