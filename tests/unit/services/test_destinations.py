from __future__ import annotations

import pytest

from tests.delivery_fakes import InMemoryDestinations
from tests.fakes import PlainSecretBox
from tillgate.domain.delivery import DestinationKind, destination_seal_context
from tillgate.domain.errors import InvalidRequestError, NotFoundError
from tillgate.services.destinations import Destinations

TENANT = "11111111-1111-4111-8111-11111111abcd"
NOBODY = "00000000-0000-4000-8000-000000000000"
URL = "https://abcdefgh.supabase.co"


@pytest.fixture
def store() -> InMemoryDestinations:
    return InMemoryDestinations([TENANT])


@pytest.fixture
def destinations(store: InMemoryDestinations) -> Destinations:
    return Destinations(store, box=PlainSecretBox(), allow_private=False)


def set_destination(
    destinations: Destinations, tenant_id: str = TENANT, *, url: str = URL, key: str = "sb_made"
) -> bool:
    _, is_new = destinations.set_destination(
        tenant_id, kind=DestinationKind.SUPABASE, url=url, secret=key
    )
    return is_new


def test_secret_is_sealed_for_the_tenants_destination(
    destinations: Destinations, store: InMemoryDestinations
) -> None:
    assert set_destination(destinations, TENANT.upper()) is True

    opened = PlainSecretBox().open(store.sealed[TENANT], context=destination_seal_context(TENANT))
    assert opened == b"sb_made"
    assert destinations.destination(TENANT).url == URL


def test_destination_is_set_in_place_of_the_one_before(
    destinations: Destinations, store: InMemoryDestinations
) -> None:
    set_destination(destinations)

    assert set_destination(destinations, key="another") is False
    assert store.sealed[TENANT].endswith(b"another")


@pytest.mark.parametrize(
    "url", ["http://abc.supabase.co", "https://10.0.0.1", "https://localhost", "ftp://a.b", "x"]
)
def test_address_that_is_not_to_be_called_is_a_fault_and_nothing_is_kept(
    destinations: Destinations, store: InMemoryDestinations, url: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        set_destination(destinations, url=url)

    [fault] = caught.value.faults
    assert (fault.pointer, bool(fault.detail)) == ("/url", True)
    assert store.kept == {}


def test_stage_may_allow_its_own_machine(store: InMemoryDestinations) -> None:
    local = Destinations(store, box=PlainSecretBox(), allow_private=True)

    assert set_destination(local, url="http://127.0.0.1:54321") is True


def test_removed_destination_is_gone(destinations: Destinations) -> None:
    set_destination(destinations)

    assert destinations.remove_destination(TENANT).url == URL
    with pytest.raises(NotFoundError):
        destinations.remove_destination(TENANT)
    with pytest.raises(NotFoundError):
        destinations.destination(TENANT)


@pytest.mark.parametrize("unknown", [NOBODY, "cafe", ""])
def test_unknown_tenant_has_no_destination(destinations: Destinations, unknown: str) -> None:
    with pytest.raises(NotFoundError):
        set_destination(destinations, unknown)
    with pytest.raises(NotFoundError):
        destinations.destination(unknown)
    with pytest.raises(NotFoundError):
        destinations.remove_destination(unknown)
