"""Sources' credentials for their vendors' APIs."""

from __future__ import annotations

import uuid

import pytest

from tests.admin_fakes import InMemoryAdminStore
from tests.delivery_fakes import InMemoryCredentials
from tests.fakes import PlainSecretBox
from tillgate.domain.administration import NewSource
from tillgate.domain.enrichment import credential_seal_context
from tillgate.domain.errors import Fault, InvalidRequestError, NotFoundError, SealBrokenError
from tillgate.domain.tenant import SourceId, TenantId
from tillgate.services.credentials import Credentials

EUROPE = "https://api.eu.clover.com"
NOBODY = "00000000-0000-4000-8000-000000000000"


class World:
    def __init__(self, *, allow_private: bool = False) -> None:
        self.sources = InMemoryAdminStore()
        self.box = PlainSecretBox()
        self.kept = InMemoryCredentials(self.sources)
        self.tenant = self.sources.add_tenant(slug="cafe", name="Café").tenant_id
        self.credentials = Credentials(
            self.kept, sources=self.sources, box=self.box, allow_private=allow_private
        )

    def source(self, provider: str = "clover") -> SourceId:
        return self.sources.add_source(
            NewSource(
                source_id=SourceId(str(uuid.uuid4())),
                tenant_id=self.tenant,
                provider=provider,
                name="till",
                merchant_id="M1",
                app_id=None,
                notification_url="https://events.example.com",
                sealed_secret=b"",
            )
        ).source_id

    def api_url(self, source_id: SourceId) -> str | None:
        source = self.sources.source(source_id)
        assert source is not None
        return source.credential.api_url if source.credential else None


def test_a_token_is_sealed_for_its_source_alone() -> None:
    world = World()
    one, other = world.source(), world.source()

    shown = world.credentials.set_credential(one, token="t", api_url=None)

    context = credential_seal_context(one, tenant_id=world.tenant)
    assert world.box.open(world.kept.sealed[one], context=context) == b"t"
    with pytest.raises(SealBrokenError):
        world.box.open(
            world.kept.sealed[one], context=credential_seal_context(other, tenant_id=world.tenant)
        )
    assert shown.credential is not None
    assert shown.credential.api_url == "https://api.clover.com"
    assert world.api_url(other) is None


def test_a_new_token_leaves_the_address_as_it_was() -> None:
    world = World()
    source = world.source()
    world.credentials.set_credential(source, token="old", api_url=EUROPE)

    world.credentials.set_credential(source.upper(), token="new", api_url=None)

    assert world.api_url(source) == EUROPE
    assert world.kept.sealed[source].endswith(b"new")


@pytest.mark.parametrize("provider", ["square", "shopify", "toast", "standard"])
def test_a_provider_whose_events_say_all_is_refused(provider: str) -> None:
    world = World()
    source = world.source(provider)

    with pytest.raises(InvalidRequestError) as refused:
        world.credentials.set_credential(source, token="t", api_url=None)

    [fault] = refused.value.faults
    assert fault.pointer == ""
    assert provider in fault.detail
    assert "clover" in fault.detail
    assert world.kept.sealed == {}


@pytest.mark.parametrize("url", ["http://api.clover.com", "https://10.0.0.1", "https://x/?a=b"])
def test_an_address_that_is_not_to_be_called_is_refused(url: str) -> None:
    world = World()
    source = world.source()

    with pytest.raises(InvalidRequestError) as refused:
        world.credentials.set_credential(source, token="t", api_url=url)

    assert [fault.pointer for fault in refused.value.faults] == ["/api_url"]
    assert isinstance(refused.value.faults[0], Fault)
    assert world.kept.sealed == {}


def test_a_stage_may_allow_addresses_of_its_own() -> None:
    world = World(allow_private=True)
    source = world.source()

    world.credentials.set_credential(source, token="t", api_url="http://127.0.0.1:8080")

    assert world.api_url(source) == "http://127.0.0.1:8080"


def test_a_credential_is_removed_once() -> None:
    world = World()
    source = world.source()
    world.credentials.set_credential(source, token="t", api_url=EUROPE)

    removed = world.credentials.remove_credential(source)

    assert removed.credential is not None
    assert removed.credential.api_url == EUROPE
    assert world.api_url(source) is None
    with pytest.raises(NotFoundError):
        world.credentials.remove_credential(source)


@pytest.mark.parametrize("source_id", [NOBODY, "x", ""])
def test_a_source_that_is_nobody_s_is_not_found(source_id: str) -> None:
    world = World()

    with pytest.raises(NotFoundError):
        world.credentials.set_credential(source_id, token="t", api_url=None)
    with pytest.raises(NotFoundError):
        world.credentials.remove_credential(source_id)


def test_a_source_that_goes_meanwhile_is_not_found() -> None:
    world = World()
    source = world.source()

    class Gone(InMemoryCredentials):
        def set_credential(self, source_id: SourceId, *, api_url: str, sealed_token: bytes) -> bool:
            assert (source_id, api_url) == (source, EUROPE)
            assert sealed_token
            return False

    credentials = Credentials(
        Gone(world.sources), sources=world.sources, box=world.box, allow_private=False
    )
    with pytest.raises(NotFoundError):
        credentials.set_credential(source, token="t", api_url=EUROPE)


def test_the_context_names_tenant_and_source() -> None:
    context = credential_seal_context(SourceId("s"), tenant_id=TenantId("t"))

    assert context == "credential:t:s"
