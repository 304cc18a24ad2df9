"""One event, sent as its vendor sends it, read back, and taken away again.

Through the platform's own door: signed, over the public URL, and read with the operator's token.
``tillgate onboard`` tries a new source by it; whatever else has to know whether the whole way works
can do the same. It counts in the platform's metrics like any other event.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from ops.cli import exact_json
from ops.cli.connection import is_loopback
from ops.cli.errors import CliError, ServerRefusedError
from ops.cli.exact_json import printable, record_in, records_in
from ops.simulators import SIMULATORS
from tillgate import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.cli.client import AdminClient
    from ops.cli.session import Surroundings
    from ops.simulators.simulator import Delivery, SentEvent

# By it the platform knows what may be taken away; a UUID follows.
MARKER = "tillgate-synthetic-"
KEY = "probe"
ANSWER_SECONDS = 30.0
# What was queued, because the database was away, is stored within about a minute.
STORED_WITHIN_SECONDS = 60.0
# Sweep looks each second; should its run have been missed, the next one comes in a minute.
DELIVERED_WITHIN_SECONDS = 90.0
# An attempt that is under way ends with its request's deadline.
UNDER_WAY_SECONDS = 20.0
# A sandbox that knows the secret of before looks it up anew after this time.
NEW_SECRET_SECONDS = 6.0
LOOK_EVERY_SECONDS = 0.25
REPEAT_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a vendor delivers a merchant's events to, and how it signs them.

    ``noun`` and ``endpoint_id`` are the source's, or those of the app whose URL it is.
    ``merchant_id`` is None where the source takes any.
    """

    provider: str
    tenant_id: str
    noun: str
    endpoint_id: str
    notification_url: str
    merchant_id: str | None
    secret: str = field(repr=False)

    @property
    def set_secret(self) -> str:
        """Give the command that sets the secret."""
        return f"tillgate {self.noun} secret {self.endpoint_id}"


class NotAsSignedError(CliError):
    """The delivery's signature was refused: the secret, or the URL, is not the one that is kept."""


class SyntheticEvent:
    """Sent once, then read back, then taken away; each raises CliError with what to do about it.

    ``event_id`` is known once it was read back.
    """

    def __init__(self, target: Target, *, client: AdminClient, around: Surroundings) -> None:
        self._target = target
        self._client = client
        self._around = around
        self._events = f"/tenants/{target.tenant_id}/events"
        self.marker = f"{MARKER}{uuid.uuid4()}"
        self._sent: SentEvent | None = None
        self.event_id: str | None = None

    @property
    def key(self) -> str | None:
        """Give its idempotency key, None before it is sent."""
        return None if self._sent is None else self._sent.key

    def send(self, *, secret_is_new: bool = False) -> str:
        """Deliver it, and say what was answered.

        ``secret_is_new``: it was set a moment ago, so a refusal is tried again for some seconds.
        Raises NotAsSignedError for a 401.
        """
        delivery = self._delivery()
        [self._sent] = delivery.events
        deadline = self._around.clock() + (NEW_SECRET_SECONDS if secret_is_new else 0)
        answer = self._post(delivery)
        while answer.status_code == HTTPStatus.UNAUTHORIZED and self._around.clock() < deadline:
            self._around.pause(REPEAT_EVERY_SECONDS)
            answer = self._post(delivery)
        return self._judged(answer)

    def read_back(self) -> str:
        """Find it in the tenant's list, look whether it is what was sent, and give its id."""
        if self._sent is None:
            raise ValueError("it was not sent")
        sent = self._sent
        found = self._until(self._listed, within_seconds=STORED_WITHIN_SECONDS)
        if found is None:
            raise CliError(
                f"It was acknowledged, and is not in the tenant's list after"
                f" {STORED_WITHIN_SECONDS:.0f} s.",
                details=(
                    "Either it still waits on the accept queue, or it was set aside.",
                    f"Of any merchant but {self._target.merchant_id} the source takes nothing.",
                    f"Its idempotency key: {sent.key}",
                ),
                next_step="tillgate doctor; if it comes later: tillgate event discard TENANT ID",
            )
        self.event_id = found
        answer = self._client.get(f"{self._events}/{found}")
        if self.marker not in answer.text or answer.document.get("type") != sent.type:
            raise CliError(
                f"The event {found} is not what was sent.",
                next_step=f"tillgate event get {self._target.tenant_id} {found}",
            )
        return found

    def wait_until_delivered(self) -> int:
        """Wait until the tenant's destination has it; give how many attempts that took."""
        state = self._until(self._settled, within_seconds=DELIVERED_WITHIN_SECONDS)
        attempts = self._attempts()
        if state == "delivered":
            return len(attempts)
        reason = printable(str(attempts[-1].get("reason"))) if attempts else "no attempt was made"
        what = {"gave_up": "was given up", "none": "goes nowhere"}.get(
            state or "", f"was not made in {DELIVERED_WITHIN_SECONDS:.0f} s"
        )
        raise CliError(
            f"Its delivery {what}: {reason}.",
            next_step=f"tillgate destination test {self._target.tenant_id}; tillgate doctor",
        )

    def take_away(self) -> str | None:
        """Leave nothing of it; give why its copy at the destination stays, None if it does not.

        Idempotent; nothing is done where it was never found.
        """
        return (
            None
            if self.event_id is None
            else take_away(
                self._client, self._around, tenant_id=self._target.tenant_id, event_id=self.event_id
            )
        )

    def _delivery(self) -> Delivery:
        target, simulator = self._target, SIMULATORS[self._target.provider]
        merchant = target.merchant_id or simulator.merchant_example
        try:
            return simulator.delivery(
                secret=target.secret,
                notification_url=target.notification_url,
                merchants=[] if merchant is None else [merchant],
                key=KEY,
                at=self._around.now(),
                marker=self.marker,
            )
        except ValueError as error:
            raise CliError(
                f"Nothing can be signed with that secret: it is not in {target.provider}'s form.",
                next_step=target.set_secret,
            ) from error

    def _post(self, delivery: Delivery) -> httpx.Response:
        url = self._target.notification_url
        try:
            with httpx.Client(
                transport=self._around.transport,
                timeout=ANSWER_SECONDS,
                # A proxy from the environment cannot reach this machine's own loopback.
                trust_env=not is_loopback(urlsplit(url).hostname or ""),
                headers={"User-Agent": f"tillgate-cli/{__version__}"},
            ) as http:
                return http.post(url, content=delivery.body, headers=dict(delivery.headers))
        except httpx.HTTPError as error:
            reason = printable(str(error)) or type(error).__name__
            raise CliError(
                f"{url} gave no answer ({reason}).",
                details=(
                    "The vendor would get none either: is this the address that it can call?",
                ),
                next_step="tillgate doctor",
            ) from error

    def _judged(self, answer: httpx.Response) -> str:
        """Say in a word what became of it. Raises CliError for what is not kept as an event."""
        target, status = self._target, answer.status_code
        if status == HTTPStatus.UNAUTHORIZED:
            raise NotAsSignedError(
                "The delivery was refused (401): its signature is not right.",
                details=(
                    f"Tillgate has another secret for this {target.noun} than the one given.",
                    f"Or another URL is registered than {target.notification_url}",
                ),
                next_step=f"set it again with: {target.set_secret}",
            )
        counts = _counts(answer)
        if counts is None and answer.text != SIMULATORS[target.provider].wants_text:
            raise CliError(
                f"{target.notification_url} answered {status}, and not as Tillgate does.",
                details=(printable(answer.text[:200]),) if answer.text else (),
                next_step="is it the address that leads to Tillgate? tillgate doctor",
            )
        if counts is not None and counts.get("quarantined") not in {None, "0"}:
            raise self._set_aside()
        queued = counts is not None and counts.get("queued") not in {None, "0"}
        return "queued: the database gave no answer" if queued else "accepted"

    def _set_aside(self) -> CliError:
        target = self._target
        if target.noun == "app":
            why = f"no source is bound to the merchant {target.merchant_id} of this app any more"
        else:
            why = f"the source is for another merchant than {target.merchant_id}"
        return CliError(
            "The delivery was taken, and set aside in quarantine instead of being stored.",
            details=(f"Either {why}, or the tenant is suspended.",),
            next_step="tillgate source list TENANT; tillgate tenant list",
        )

    def _listed(self) -> str | None:
        asked = {"idempotency_key": self.key or "", "limit": "1"}
        found = self._client.get(self._events, asked).records("events")
        return str(found[0]["event_id"]) if found else None

    def _delivery_state(self) -> dict[str, exact_json.JsonValue]:
        answer = self._client.get(f"{self._events}/{self.event_id}")
        return record_in(answer.document.get("delivery"))

    def _settled(self) -> str | None:
        state = str(self._delivery_state().get("state"))
        return None if state == "pending" else state

    def _attempts(self) -> list[dict[str, exact_json.JsonValue]]:
        return records_in(self._delivery_state().get("attempts"))

    def _until(self, look: Callable[[], str | None], *, within_seconds: float) -> str | None:
        return _until(self._around, look, within_seconds=within_seconds)


def take_away(
    client: AdminClient, around: Surroundings, *, tenant_id: str, event_id: str
) -> str | None:
    """Leave nothing of a synthetic event; give why its copy at the destination stays, if it does.

    Idempotent. Raises ServerRefusedError for an event that is there and not synthetic, and
    where it cannot be done.
    """
    path = f"/tenants/{tenant_id}/synthetic-events/{event_id}"
    deadline = around.clock() + UNDER_WAY_SECONDS
    while True:
        try:
            copy = client.delete(path).record("destination")
        except ServerRefusedError as error:
            if error.refusal.kind != "delivery-under-way" or around.clock() >= deadline:
                raise
            around.pause(REPEAT_EVERY_SECONDS)
        else:
            break
    if not copy or copy.get("is_removed") is True:
        return None
    return printable(str(copy.get("reason")))


def _counts(answer: httpx.Response) -> dict[str, exact_json.JsonValue] | None:
    """Read what Tillgate counts of a vendor's delivery; None where this is no such answer."""
    if not answer.is_success:
        return None
    try:
        document = record_in(exact_json.parse(answer.text))
    except exact_json.UnreadableJsonError:
        return None
    return document if "accepted" in document else None


def _until(
    around: Surroundings, look: Callable[[], str | None], *, within_seconds: float
) -> str | None:
    deadline = around.clock() + within_seconds
    while (found := look()) is None and around.clock() < deadline:
        around.pause(LOOK_EVERY_SECONDS)
    return found
