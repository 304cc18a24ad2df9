"""What the admin API's calls take, checked so that every fault is named at once.

The patterns are the OpenAPI document's too, so that it promises what is checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from tillgate.domain.errors import Fault, InvalidRequestError
from tillgate.domain.provider import secret_flaw

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

    from tillgate.domain.json_value import JsonValue
    from tillgate.domain.provider import Provider

SLUG_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
SLUG_FORM = "must be 1 to 63 characters out of a-z, 0-9 and '-', with no '-' at either end"
# Control characters have no place in a name, and NUL none in Postgres.
NAME_PATTERN = r"^[^\x00-\x1f\x7f]+$"
SECRET_PATTERN = r"^[!-~]+$"  # noqa: S105  What secrets look like.
# As NAME_PATTERN; what is longer is nobody's reason.
REASON_PATTERN = r"^[^\x00-\x1f\x7f]{1,200}$"
URL_PATTERN = r"^[!\"$-~]+$"
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


class AdminBody(BaseModel):
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


class TenantBody(AdminBody):
    slug: Annotated[str, Field(pattern=SLUG_PATTERN)]
    name: Name


class TokenBody(AdminBody):
    name: Name


class SecretBody(AdminBody):
    secret: Secret


class _EndpointBody(AdminBody):
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

    @field_validator("secret")
    @classmethod
    def _look_as_its_providers(cls, value: str, info: ValidationInfo) -> str:
        # Absent where the provider itself is at fault.
        provider = info.data.get("provider")
        if info.context and provider is not None:
            flaw = secret_flaw(info.context["providers"][provider], value)
            if flaw is not None:
                raise ValueError(flaw)
        return value

    def faults(self) -> list[Fault]:
        faults = []
        if (self.public_url is None) == (self.notification_url is None):
            faults.append(Fault("", "must hold one of public_url and notification_url"))
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


# Pydantic's own words for these speak of Python, and show patterns.
_MESSAGES = {
    "model_type": "must be an object",
    "extra_forbidden": "is not a field of this call",
    "missing": "is required",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "list_type": "must be an array",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "too_short": "must have {min_length} or more items",
    "too_long": "must have no more than {max_length} items",
    "string_too_short": "must have {min_length} or more characters",
    "string_too_long": "must have no more than {max_length} characters",
    "string_pattern_mismatch": "does not look as it has to: /openapi.json has its pattern",
}
# What a person needs to know of a pattern in order to satisfy it.
_FORMS = {
    SLUG_PATTERN: SLUG_FORM,
    REASON_PATTERN: "must be 1 to 200 characters without control characters",
    NAME_PATTERN: "must have no control characters, such as line ends",
    SECRET_PATTERN: "must be visible ASCII characters, without spaces",
    UUID_PATTERN: "must be an id, such as 4c1d6f0e-8a57-4b1e-9d3c-2f6b7a905e18",
    PUBLIC_URL_PATTERN: "must be an https URL (http on this machine only) without query or #",
    URL_PATTERN: "must be visible ASCII characters, without spaces or #",
    NOTIFICATION_URL_PATTERN: "must be an https URL (http on this machine only) without #",
}

BodyT = TypeVar("BodyT", bound=AdminBody)


def checked(model: type[BodyT], value: JsonValue, *, providers: Mapping[str, Provider]) -> BodyT:
    """Make a body of parsed JSON. Raises InvalidRequestError that names every fault."""
    try:
        body = model.model_validate(value, context={"providers": providers})
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise InvalidRequestError([_fault(detail) for detail in details]) from None
    faults = body.faults()
    if faults:
        raise InvalidRequestError(faults)
    return body


def _fault(detail: ErrorDetails) -> Fault:
    steps = (str(step)[:128].replace("~", "~0").replace("/", "~1") for step in detail["loc"])
    return Fault("".join(f"/{step}" for step in steps), _message(detail))


def _message(detail: ErrorDetails) -> str:
    limits = detail.get("ctx", {})
    form = _FORMS.get(limits.get("pattern", ""))
    if form is not None:
        return form
    message = _MESSAGES.get(detail["type"])
    if message is not None:
        return message.format_map(limits)
    return detail["msg"].removeprefix("Value error, ")
