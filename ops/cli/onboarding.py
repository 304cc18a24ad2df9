"""What a new merchant needs, made where it is missing and kept where it is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

import typer

from ops.cli.endpoints import url_field
from ops.cli.errors import CliError, NoSuchThingError, ServerRefusedError, UsageError
from ops.cli.references import LIST_TENANTS, check_id, find_tenant_id
from ops.cli.vendor_secret import ask_line
from ops.simulators import SIMULATORS

if TYPE_CHECKING:
    from ops.cli.checklist import Checklist, Step
    from ops.cli.exact_json import JsonValue
    from ops.cli.session import Session

Record = dict[str, "JsonValue"]
TAKEN = "delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for; None is for what a person is asked, or what there is to be none of."""

    tenant: str
    provider: str
    name: str | None = None
    merchant_id: str | None = None
    app_id: str | None = None
    notification_url: str | None = None
    destination: str | None = None
    destination_key: str | None = field(default=None, repr=False)
    secret_stdin: bool = False
    wait_seconds: float = 900.0
    is_tried: bool = True


@dataclass(slots=True, kw_only=True)
class Onboarded:
    """How far it has come. ``secret`` is what deliveries can be signed with, where it is known.

    ``is_secret_made``: Tillgate made it, and nobody else has seen it. ``is_secret_new``: it was
    set just now.
    """

    tenant: Record = field(default_factory=dict)
    destination: str | None = None
    source: Record = field(default_factory=dict)
    is_source_new: bool = False
    secret: str | None = field(default=None, repr=False)
    is_secret_made: bool = False
    is_secret_new: bool = False

    @property
    def tenant_id(self) -> str:
        return str(self.tenant["tenant_id"])

    @property
    def endpoint(self) -> tuple[str, str]:
        """Give what has the URL and the secret: the app's noun and id, or the source's."""
        app_id = self.source.get("app_id")
        return ("app", str(app_id)) if app_id else ("source", str(self.source["source_id"]))


class Foundation:
    """The first steps: tenant, destination, source. Each raises CliError with what to do."""

    def __init__(self, session: Session, wanted: Wanted, checklist: Checklist) -> None:
        self._session = session
        self._wanted = wanted
        self._checklist = checklist

    def lay(self, into: Onboarded) -> None:
        with self._checklist.step("tenant") as step:
            into.tenant = self._tenant(step)
        with self._checklist.step("destination") as step:
            into.destination = self._destination(step, into.tenant_id)
        with self._checklist.step("source") as step:
            self._source(step, into)

    def _tenant(self, step: Step) -> Record:
        client, wanted = self._session.client, self._wanted.tenant
        try:
            tenant_id = find_tenant_id(client, wanted)
        except NoSuchThingError:
            return self._new_tenant(step)
        for tenant in client.get("/tenants").records("tenants"):
            if tenant.get("tenant_id") == tenant_id:
                if tenant.get("state") == "suspended":
                    raise CliError(
                        f"The tenant {wanted} is suspended: nothing of it would be stored.",
                        next_step=f"tillgate tenant resume {wanted}",
                    )
                step.kept(f"{tenant['slug']}, there already")
                return tenant
        raise NoSuchThingError("No tenant has this id.", next_step=LIST_TENANTS)

    def _new_tenant(self, step: Step) -> Record:
        slug, name = self._wanted.tenant, self._wanted.name
        if name is None and self._is_interactive:
            with step.waiting():
                name = asked_for(f"Name of the merchant, for people (Enter: {slug})")
        made = self._session.client.post("/tenants", {"slug": slug, "name": name or slug}).document
        step.detail = f"{slug}, made"
        return made

    def _destination(self, step: Step, tenant_id: str) -> str | None:
        """Set it where there is none, and try it; one that is there and works is left alone."""
        path = f"/tenants/{tenant_id}/destination"
        present, wanted = self._present(path), self._wanted.destination
        if present is None and wanted is None and self._is_interactive:
            with step.waiting():
                wanted = asked_for("URL of the merchant's Supabase (Enter: none for now)")
        if present is None and wanted is None:
            step.skipped("none: events are kept, and delivered nowhere")
            return None
        if present is not None and wanted is not None and not _same(present, wanted):
            raise CliError(
                f"The tenant's events go to {present}, not to {wanted}.",
                next_step=f"leave --destination out, or: tillgate destination set"
                f" {self._wanted.tenant} {wanted}",
            )
        if present is not None and self._refusal(path) is None:
            step.kept(f"{present}, there already, takes what is delivered")
            return present
        url = wanted or present or ""
        self._set(step, path, url)
        refusal = self._refusal(path)
        if refusal is not None:
            raise CliError(
                f"{url} does not take what is delivered: {refusal}.",
                details=("Has ops/supabase/schema.sql been run there? Is it the secret key?",),
                next_step="mend it there, or repeat the command with another key: it goes on here",
            )
        step.detail = f"{url} takes what is delivered"
        return url

    def _present(self, path: str) -> str | None:
        try:
            return str(self._session.client.get(path).document["url"])
        except ServerRefusedError as error:
            if error.refusal.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    def _set(self, step: Step, path: str, url: str) -> None:
        key = self._wanted.destination_key
        if key is None and self._is_interactive:
            with step.waiting():
                key = ask_line(
                    self._session.surroundings,
                    from_stdin=False,
                    question=f"Secret key with which Tillgate writes to {url} (hidden)",
                )
        if key is None:
            raise UsageError(
                f"There is no key for {url}.",
                next_step="repeat the command with --destination-key-stdin < FILE",
            )
        self._session.client.put(path, {"kind": "supabase", "url": url, "secret": key})

    def _refusal(self, path: str) -> str | None:
        """Try it as a delivery does; say why it does not take what is delivered."""
        found = self._session.client.post(f"{path}/test").document
        outcome = found.get("outcome")
        return None if outcome == TAKEN else str(found.get("reason") or outcome)

    def _source(self, step: Step, into: Onboarded) -> None:
        wanted, path = self._wanted, f"/tenants/{into.tenant_id}/sources"
        merchant_id = wanted.merchant_id
        if merchant_id is None and self._is_interactive:
            with step.waiting():
                merchant_id = asked_for(f"Merchant's id at {wanted.provider} (Enter: any)")
        app_id = wanted.app_id and check_id(
            wanted.app_id, argument="--app", next_step="tillgate app list"
        )
        sought = (wanted.provider, merchant_id, app_id)
        found = [
            source
            for source in self._session.client.get(path).records("sources")
            if (source.get("provider"), source.get("merchant_id"), source.get("app_id")) == sought
        ]
        if len(found) > 1:
            raise CliError(
                f"The tenant has {len(found)} such sources of {wanted.provider}.",
                next_step="tillgate source list TENANT, then repeat the command with --merchant-id",
            )
        if found:
            into.source = found[0]
            step.kept(f"{into.source['source_id']}, there already")
            return
        into.source = self._add(step, path, merchant_id=merchant_id, app_id=app_id, into=into)
        into.is_source_new = True
        step.detail = f"{into.source['source_id']}, made"

    def _add(
        self,
        step: Step,
        path: str,
        *,
        merchant_id: str | None,
        app_id: str | None,
        into: Onboarded,
    ) -> Record:
        """Make it: with the secret where that is piped in, and known before the URL is."""
        wanted = self._wanted
        body: dict[str, str] = {"provider": wanted.provider}
        body |= {"app_id": app_id} if app_id else url_field(self._session, wanted.notification_url)
        body |= {"merchant_id": merchant_id} if merchant_id else {}
        if wanted.secret_stdin and not app_id and not shakes_hands(wanted.provider):
            with step.waiting():
                into.secret = ask_line(self._session.surroundings, from_stdin=True, question="")
            body |= {"secret": into.secret} if into.secret else {}
        made = self._session.client.post(path, body).document
        if made.get("secret"):
            into.secret, into.is_secret_made = str(made["secret"]), True
        return made

    @property
    def _is_interactive(self) -> bool:
        return self._session.surroundings.is_interactive()


def shakes_hands(provider: str) -> bool:
    """Tell whether the vendor gives its secret only once it has called the URL."""
    simulator = SIMULATORS.get(provider)
    return simulator is not None and simulator.handshake() is not None


def asked_for(question: str) -> str | None:
    """Ask the person at the terminal; None for an empty answer."""
    answer: str = typer.prompt(question, default="", show_default=False, err=True)
    return answer.strip() or None


def _same(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")
