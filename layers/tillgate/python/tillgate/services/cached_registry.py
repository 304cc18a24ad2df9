"""The registry as a sandbox remembers it, so that a warm request costs no look-up.

What was found is good for 30 s, so a revocation or a suspension takes that long to reach
every sandbox; what was not found, for 5 s, so that guessing cannot flood the database.
A caller that doubts an endpoint may ask for a younger one.

While the database is unreachable, what was found serves for a day; where it is older than ten
minutes, or nothing was found yet, a stand-in is asked first. Who is known to neither is not
refused: that is unknown.

What ends at a known time, a token that was rotated or a secret that was, is remembered with it, and
ends then for everybody, whether or not the database can be asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.tenant import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from tillgate.domain.ports import Registry
    from tillgate.domain.tenant import AppId, Source, TokenStanding

FRESH_SECONDS = 30.0
MISS_SECONDS = 5.0
STALE_SECONDS = 24 * 3600.0
# With the database down, what is older than this gives way to the stand-in's word.
TRUSTED_SECONDS = 600.0
MAX_HITS = 10_000
MAX_MISSES = 1_000

Found = TypeVar("Found")


class _Cache(Generic[Found]):
    """Remembers look-ups by key; when full, the oldest goes first."""

    def __init__(
        self, registry: Registry, stand_in: Registry | None, *, clock: Callable[[], float]
    ) -> None:
        self._registry = registry
        self._stand_in = stand_in
        self._clock = clock
        self._hits: dict[Hashable, tuple[float, Found]] = {}
        self._misses: dict[Hashable, float] = {}

    def get(
        self,
        key: Hashable,
        look_up: Callable[[Registry], Found | None],
        *,
        fresh_seconds: float = FRESH_SECONDS,
        follows: Callable[[Found, Found], bool] | None = None,
    ) -> Found | None:
        """Give what is remembered for at most ``fresh_seconds``, or what is looked up.

        ``follows`` is given by a caller who doubts what is remembered: with the database
        unreachable, the stand-in's word counts where it follows on that.
        """
        now = self._clock()
        hit = self._hits.get(key)
        # An age below zero means that the clock was set back: then nothing is known of it.
        if hit is not None and 0 <= now - hit[0] < fresh_seconds:
            return hit[1]
        missed_at = self._misses.get(key)
        if missed_at is not None and 0 <= now - missed_at < MISS_SECONDS:
            return None
        try:
            found = look_up(self._registry)
        except StoreUnavailableError:
            return self._instead(look_up, hit, now, follows)
        self._hits.pop(key, None)
        self._misses.pop(key, None)
        if found is None:
            _make_room(self._misses, MAX_MISSES)
            self._misses[key] = now
        else:
            _make_room(self._hits, MAX_HITS)
            self._hits[key] = (now, found)
        return found

    def _instead(
        self,
        look_up: Callable[[Registry], Found | None],
        hit: tuple[float, Found] | None,
        now: float,
        follows: Callable[[Found, Found], bool] | None,
    ) -> Found | None:
        """Go by what is remembered, or by the stand-in, which is minutes old at most as a rule.

        A clock that was set back makes ages negative, and nobody's permission older.
        """
        age = STALE_SECONDS if hit is None else now - hit[0]
        trusted = hit[1] if hit is not None and age < TRUSTED_SECONDS else None
        if trusted is not None and follows is None:
            return trusted
        try:
            if self._stand_in is not None:
                found = look_up(self._stand_in)
                if trusted is None or (found and follows and follows(found, trusted)):
                    return found
        except StoreUnavailableError:
            if age >= STALE_SECONDS:
                raise
        if hit is not None and age < STALE_SECONDS:
            return hit[1]
        raise StoreUnavailableError("who is calling cannot be looked up")


def _make_room(entries: dict[Hashable, Found], limit: int) -> None:
    while len(entries) >= limit:
        del entries[next(iter(entries))]


class CachedRegistry:
    """Implements Registry over another one. ``clock`` gives seconds, by the wall clock.

    The wall clock, because a sandbox is frozen between requests and its monotonic clock
    may stand still meanwhile. ``stand_in`` is asked when ``registry`` is unavailable; it
    raises StoreUnavailableError for what it does not know.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        clock: Callable[[], float],
        stand_in: Registry | None = None,
    ) -> None:
        self._clock = clock
        self._tokens: _Cache[TokenStanding] = _Cache(registry, stand_in, clock=clock)
        self._endpoints: _Cache[Endpoint] = _Cache(registry, stand_in, clock=clock)
        self._bound_sources: _Cache[Source] = _Cache(registry, stand_in, clock=clock)

    def find_token(self, digest: bytes) -> TokenStanding | None:
        found = self._tokens.get(digest, lambda registry: registry.find_token(digest))
        if found is None or found.revoked_at is None:
            return found
        return found if self._clock() < found.revoked_at.timestamp() else None

    def find_endpoint(
        self, provider: str, endpoint_id: str, *, at_most_seconds_old: float | None = None
    ) -> Endpoint | None:
        doubts = at_most_seconds_old is not None
        return self._endpoints.get(
            (provider, endpoint_id),
            lambda registry: registry.find_endpoint(provider, endpoint_id),
            fresh_seconds=FRESH_SECONDS if at_most_seconds_old is None else at_most_seconds_old,
            follows=Endpoint.follows if doubts else None,
        )

    def find_bound_source(self, app_id: AppId, merchant_id: str) -> Source | None:
        return self._bound_sources.get(
            (app_id, merchant_id),
            lambda registry: registry.find_bound_source(app_id, merchant_id),
        )
