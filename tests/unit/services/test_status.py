from __future__ import annotations

from tests.admin_fakes import InMemoryAdminStore
from tillgate.domain.errors import SecretUnavailableError
from tillgate.services.status import CheckStatus


def no_key_ring() -> tuple[str, ...]:
    raise SecretUnavailableError("gone")


def test_all_is_told_when_all_answers() -> None:
    ticks = iter([10.0, 10.0025])
    check = CheckStatus(
        InMemoryAdminStore(),
        read_kids=lambda: ("k1", "k2"),
        expected_migration=5,
        clock=lambda: next(ticks),
    )

    status = check.run()

    assert status.store is not None
    assert (status.store.migration, status.store.days_ahead) == (5, 14)
    assert (status.latency_ms, status.kids, status.expected_migration) == (2.5, ("k1", "k2"), 5)


def test_what_is_down_is_the_answer() -> None:
    store = InMemoryAdminStore()
    store.is_down = True

    status = CheckStatus(
        store, read_kids=no_key_ring, expected_migration=5, clock=lambda: 0.0
    ).run()

    assert (status.store, status.kids) == (None, None)
