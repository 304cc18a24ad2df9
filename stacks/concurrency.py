"""How many of a function may run at once, and what that means for the database.

A sandbox keeps its connection while it sleeps, and a deploy has the old version's sandboxes
beside the new one's: so twice what runs at once may be connected. Reserved is what protects the
database from the functions, and them from whatever else runs in the account. It is off until the
operator says what the account has: one that is new has so little that AWS refuses to reserve any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Of redriven batches at once: the least that AWS takes. Nobody waits for them.
REDRIVE_CONCURRENCY = 2
# AWS keeps so many for functions that reserve none.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
UNRESERVED = 100
# A new version's sandboxes beside those of the one before.
VERSIONS_AT_ONCE = 2
# For functions that reserve none (health, probe, watch, migrate), and for people.
SPARE_CONNECTIONS = 100
# Tenants' requests and the operator's go under different roles.
_CONNECTIONS = {"api": 2}
# Of Aurora: a default of memory / 9,531,392 bytes is 225 for an ACU's 2 GiB, before what the server
# takes for itself; and no more than this where it may shrink below 1 ACU.
# https://repost.aws/articles/ARm5e6RHE3R4mnHS2S-UZUwA
_CONNECTIONS_OF_AN_ACU = 180
_MOST_CONNECTIONS, _MOST_IF_SMALL = 5_000, 2_000


class ConcurrencyError(ValueError):
    """The account or the database has less than the stage would take."""


def aurora_connections(*, min_acu: float, max_acu: float) -> int:
    """Give how many connections a cluster of this range is sure to take."""
    most = _MOST_IF_SMALL if min_acu < 1 else _MOST_CONNECTIONS
    return min(most, int(_CONNECTIONS_OF_AN_ACU * max_acu))


def connections(reserved: Mapping[str, int]) -> int:
    """Give how many connections these functions may hold at worst."""
    return VERSIONS_AT_ONCE * sum(n * _CONNECTIONS.get(name, 1) for name, n in reserved.items())


def check(
    reserved: Mapping[str, int], *, account_concurrency: int, database_connections: int | None
) -> None:
    """Raise ConcurrencyError with a sentence. None: nobody knows what the database takes."""
    wanted = sum(reserved.values())
    if wanted + UNRESERVED > account_concurrency:
        raise ConcurrencyError(
            f"The stage reserves {wanted} concurrent runs, and AWS keeps {UNRESERVED} for the rest:"
            f" an account_concurrency of {account_concurrency} is too little. Ask AWS for"
            f" {wanted + UNRESERVED} at least (Service Quotas, Lambda), or leave it out."
        )
    held = connections(reserved)
    if database_connections is not None and held + SPARE_CONNECTIONS > database_connections:
        raise ConcurrencyError(
            f"The stage's functions may hold {held} connections, and {SPARE_CONNECTIONS} are"
            f" spared: {database_connections} are too few for them."
        )
