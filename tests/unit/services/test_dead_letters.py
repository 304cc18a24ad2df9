from __future__ import annotations

import pytest

from tests.delivery_fakes import InMemoryDeadLetters
from tillgate.domain.dead_letters import DeadLetterFilter, RedriveState
from tillgate.domain.errors import DeadLettersChangedError, NotFoundError
from tillgate.domain.stored_event import event_before
from tillgate.domain.tenant import TenantId
from tillgate.services.dead_letters import DeadLetterOffice

TENANT = TenantId("11111111-1111-4111-8111-111111111111")
OTHER = TenantId("22222222-2222-4222-8222-222222222222")
NOBODY = "00000000-0000-4000-8000-000000000000"
ALL = DeadLetterFilter()


@pytest.fixture
def store() -> InMemoryDeadLetters:
    made = InMemoryDeadLetters()
    for tenant_id, reason in ((TENANT, "a"), (TENANT, "b"), (OTHER, "a"), (TENANT, "a")):
        made.add(tenant_id, reason)
    return made


@pytest.fixture
def office(store: InMemoryDeadLetters) -> DeadLetterOffice:
    return DeadLetterOffice(store)


def test_pages_lead_to_the_last_dead_letter(
    office: DeadLetterOffice, store: InMemoryDeadLetters
) -> None:
    first = office.page(ALL, limit=3, before=None)
    assert first.next_cursor is not None
    second = office.page(ALL, limit=3, before=event_before(first.next_cursor))

    assert [*first.dead_letters, *second.dead_letters] == store.letters[::-1]
    assert second.next_cursor is None


def test_discard_takes_exactly_what_was_confirmed(
    office: DeadLetterOffice, store: InMemoryDeadLetters
) -> None:
    chosen = DeadLetterFilter(tenant_id=TENANT, reason="a")

    assert office.discard(chosen, event_ids=None, count=2) == (2, 0)
    assert [(one.tenant_id, one.reason) for one in store.letters] == [(TENANT, "b"), (OTHER, "a")]


@pytest.mark.parametrize("count", [1, 3])
def test_discard_of_another_number_does_nothing(
    office: DeadLetterOffice, store: InMemoryDeadLetters, count: int
) -> None:
    with pytest.raises(DeadLettersChangedError, match=f"not {count}"):
        office.discard(DeadLetterFilter(tenant_id=TENANT, reason="a"), event_ids=None, count=count)

    assert len(store.letters) == 4


def test_discard_by_ids_leaves_another_tenants_alone(
    office: DeadLetterOffice, store: InMemoryDeadLetters
) -> None:
    ids = [letter.event_id for letter in store.letters]

    with pytest.raises(DeadLettersChangedError):
        office.discard(DeadLetterFilter(tenant_id=TENANT), event_ids=ids, count=4)
    assert office.discard(DeadLetterFilter(tenant_id=TENANT), event_ids=ids, count=3) == (3, 0)


def test_redrive_is_cancelled_once_and_stays_so(office: DeadLetterOffice) -> None:
    redrive = office.start_redrive(DeadLetterFilter(reason="a"), per_second=5)

    first = office.cancel_redrive(redrive.redrive_id.upper())
    again = office.cancel_redrive(redrive.redrive_id)

    assert (redrive.state, redrive.left) == (RedriveState.RUNNING, 3)
    assert first.state is RedriveState.CANCELLED
    assert again == first == office.redrive(redrive.redrive_id)


def test_redrives_are_found_by_their_state(office: DeadLetterOffice) -> None:
    redrive = office.start_redrive(ALL, per_second=5)
    other = office.start_redrive(ALL, per_second=6)
    office.cancel_redrive(other.redrive_id)

    [running] = office.redrives(state=RedriveState.RUNNING, limit=10)
    everything = office.redrives(state=None, limit=10)

    assert (running.redrive_id, running.left) == (redrive.redrive_id, None)
    assert [one.redrive_id for one in everything] == [other.redrive_id, redrive.redrive_id]


@pytest.mark.parametrize("unknown", [NOBODY, "x", ""])
def test_unknown_redrive_is_not_found(office: DeadLetterOffice, unknown: str) -> None:
    with pytest.raises(NotFoundError):
        office.redrive(unknown)
    with pytest.raises(NotFoundError):
        office.cancel_redrive(unknown)
