from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.admin_fakes import NOW, InMemoryAdminStore
from tests.endpoint_rotation_fakes import InMemoryRotations
from tests.fakes import PlainSecretBox
from tillgate.domain.errors import InvalidRequestError, NotFoundError, RotationConflictError
from tillgate.domain.tenant import RateLimit, endpoint_seal_context, token_digest
from tillgate.providers import PROVIDERS
from tillgate.services.admin import Administration
from tillgate.services.rotation import Rotation

if TYPE_CHECKING:
    from tillgate.domain.administration import AppRecord, SourceRecord

FIRST = "first"
WEEK = 7 * 86_400
NOBODY = "99999999-9999-4999-8999-999999999999"


@dataclass
class Office:
    """The operator's desk: one tenant, whose sources and apps are made by ``administration``."""

    store: InMemoryAdminStore = field(default_factory=InMemoryAdminStore)
    box: PlainSecretBox = field(default_factory=PlainSecretBox)

    def __post_init__(self) -> None:
        self.rotations = InMemoryRotations(self.store)
        self.rotation = Rotation(self.store, self.rotations, box=self.box, providers=PROVIDERS)
        self.administration = Administration(
            self.store, box=self.box, providers=PROVIDERS, default_limit=RateLimit(100, 1_000)
        )
        self.tenant_id = self.administration.create_tenant(slug="one", name="One").tenant_id

    def add(self, provider: str = "square", secret: str | None = FIRST) -> SourceRecord:
        source, _ = self.administration.add_source(
            self.tenant_id, provider=provider, name=None, merchant_id=None, secret=secret,
            public_url="https://x.example", notification_url=None,
        )  # fmt: skip
        return source

    def add_app(self) -> AppRecord:
        app, _ = self.administration.register_app(
            provider="square", name="ours", secret="first", public_url="https://x.example",
            notification_url=None,
        )  # fmt: skip
        return app

    def rotate(
        self,
        source: SourceRecord,
        secret: str | None,
        overlap: int = WEEK,
        *,
        replace: bool = False,
    ) -> tuple[SourceRecord, str | None]:
        return self.rotation.rotate_source_secret(
            source.source_id, secret=secret, overlap_seconds=overlap, replaces_previous=replace
        )

    def good(self, source: SourceRecord) -> list[str]:
        """Give the source's secrets, the current one first; they open in its place alone."""
        context = endpoint_seal_context(source.source_id, tenant_id=source.tenant_id)
        sealed = [
            self.store.sealed[source.source_id],
            self.rotations.previous.get(source.source_id),
        ]
        return [self.box.open(one, context=context).decode() for one in sealed if one is not None]


@pytest.fixture
def office() -> Office:
    return Office()


def test_the_new_secret_is_current_and_the_old_one_previous(office: Office) -> None:
    source = office.add()

    rotated, told = office.rotate(source, "second")

    assert told is None
    assert office.good(source) == ["second", "first"]
    assert rotated.previous_secret is not None
    assert (rotated.previous_secret.good_until - NOW).total_seconds() == WEEK


def test_without_an_overlap_nothing_of_before_is_good(office: Office) -> None:
    source = office.add()
    office.rotate(source, "second")

    rotated, _ = office.rotate(source, "third", 0)

    assert rotated.previous_secret is None
    assert office.good(source) == ["third"]


def test_a_secret_is_made_where_none_is_given_and_told_once(office: Office) -> None:
    source = office.add("standard", "whsec_" + "QUJD" * 8)

    _, told = office.rotate(source, None)

    assert told is not None
    assert office.good(source)[0] == told


@pytest.mark.parametrize(("provider", "secret"), [("standard", "not base64 !"), ("adyen", "short")])
def test_a_secret_that_cannot_be_the_vendors_changes_nothing(
    office: Office, provider: str, secret: str
) -> None:
    source = office.add(provider, None)
    before = office.good(source)

    with pytest.raises(InvalidRequestError):
        office.rotate(source, secret)
    assert office.good(source) == before


@pytest.mark.parametrize("provider", ["clover", "zettle"])
def test_a_vendors_own_secret_is_not_made_up(office: Office, provider: str) -> None:
    source = office.add(provider, "a1b2c3d4-e5f6-4a1b-8c2d-3e4f5a6b7c8d")

    with pytest.raises(InvalidRequestError):
        office.rotate(source, None)


def test_what_is_pending_has_nothing_to_rotate(office: Office) -> None:
    source = office.add("clover", None)

    with pytest.raises(RotationConflictError, match="set it"):
        office.rotate(source, "a1b2c3d4-e5f6-4a1b-8c2d-3e4f5a6b7c8d")


def test_a_call_that_is_repeated_leaves_the_previous_secret(office: Office) -> None:
    source = office.add()
    office.rotate(source, "second")

    again, _ = office.rotate(source, "second")

    assert office.good(source) == ["second", "first"]
    assert again.previous_secret is not None


def test_repeated_without_an_overlap_it_ends_the_previous_one(office: Office) -> None:
    source = office.add()
    office.rotate(source, "second")

    office.rotate(source, "second", 0)

    assert office.good(source) == ["second"]


def test_a_third_secret_is_refused_until_the_older_one_may_go(office: Office) -> None:
    source = office.add()
    office.rotate(source, "second")

    with pytest.raises(RotationConflictError, match="under way"):
        office.rotate(source, "third")
    assert office.good(source) == ["second", "first"]
    office.rotate(source, "third", replace=True)
    assert office.good(source) == ["third", "second"]


def test_of_two_rotations_at_once_one_is_refused(office: Office) -> None:
    source = office.add()
    office.rotations.meanwhile = lambda: office.rotate(source, "the other's")

    with pytest.raises(RotationConflictError, match="meanwhile"):
        office.rotate(source, "mine")
    assert office.good(source) == ["the other's", "first"]


def test_nobodys_leave_to_replace_holds_for_what_came_meanwhile(office: Office) -> None:
    source = office.add()
    office.rotate(source, "second")
    office.rotations.meanwhile = lambda: office.rotate(source, "theirs", replace=True)

    with pytest.raises(RotationConflictError, match="meanwhile"):
        office.rotate(source, "mine", replace=True)
    assert office.good(source) == ["theirs", "second"]


def test_two_calls_at_once_with_one_secret_are_one_rotation(office: Office) -> None:
    source = office.add()
    office.rotations.meanwhile = lambda: office.rotate(source, "second")

    rotated, _ = office.rotate(source, "second")

    assert rotated.previous_secret is not None
    assert office.good(source) == ["second", "first"]


def test_what_was_sealed_anew_meanwhile_is_rotated_all_the_same(office: Office) -> None:
    source = office.add()
    context = endpoint_seal_context(source.source_id, tenant_id=source.tenant_id)

    def reseal() -> None:
        # The same secret in other bytes, as under another key.
        office.store.sealed[source.source_id] = Resealed.seal(b"first", context)

    office.rotation = Rotation(office.store, office.rotations, box=Resealed(), providers=PROVIDERS)
    office.rotations.meanwhile = reseal

    rotated, _ = office.rotate(source, "second")

    assert rotated.previous_secret is not None
    assert office.rotations.previous[source.source_id] == Resealed.seal(b"first", context)


class Resealed(PlainSecretBox):
    """Opens what was sealed anew, too."""

    MARK = b"anew:"

    def open(self, sealed: bytes, *, context: str) -> bytes:
        return super().open(sealed.removeprefix(self.MARK), context=context)

    @classmethod
    def seal(cls, plain: bytes, context: str) -> bytes:
        return cls.MARK + PlainSecretBox().seal(plain, context=context)


def test_retiring_ends_the_previous_secret_and_may_be_repeated(office: Office) -> None:
    source = office.add()
    office.rotate(source, "second")

    for _ in range(2):
        assert office.rotation.retire_source_secret(source.source_id).previous_secret is None
    assert office.good(source) == ["second"]


def test_setting_a_secret_leaves_the_previous_one(office: Office) -> None:
    source = office.add()
    office.rotate(source, "mistyped")

    office.administration.set_source_secret(source.source_id, secret="second")

    assert office.good(source) == ["second", "first"]


def test_an_app_is_rotated_and_retired_alike(office: Office) -> None:
    app = office.add_app()

    rotated, _ = office.rotation.rotate_app_secret(
        app.app_id, secret="second", overlap_seconds=WEEK, replaces_previous=False
    )

    assert rotated.previous_secret is not None
    assert office.rotation.retire_app_secret(app.app_id).previous_secret is None


def test_what_has_no_secret_of_its_own_is_not_found(office: Office) -> None:
    app = office.add_app()
    bound = office.administration.bind_source(
        office.tenant_id, app_id=app.app_id, provider="square", name=None, merchant_id="M1"
    )

    with pytest.raises(NotFoundError, match="the app's"):
        office.rotate(bound, "second")
    with pytest.raises(NotFoundError, match="the app's"):
        office.rotation.retire_source_secret(bound.source_id)
    for nobody in (NOBODY, "no-id"):
        with pytest.raises(NotFoundError):
            office.rotation.retire_app_secret(nobody)
        with pytest.raises(NotFoundError):
            office.rotation.rotate_token(nobody, overlap_seconds=0)


def test_a_token_has_one_successor_and_an_end(office: Office) -> None:
    issued, _ = office.administration.issue_token(office.tenant_id, name="till")

    made, token, old = office.rotation.rotate_token(issued.token_id, overlap_seconds=WEEK)

    assert office.store.digests[token_digest(token)] == office.tenant_id
    assert (made.name, made.revoked_at) == ("till", None)
    assert old.replaced_by == made.token_id
    assert old.revoked_at is not None
    assert (old.revoked_at - NOW).total_seconds() == WEEK
    with pytest.raises(RotationConflictError, match=made.token_id):
        office.rotation.rotate_token(issued.token_id, overlap_seconds=WEEK)


def test_a_revoked_token_is_not_rotated(office: Office) -> None:
    issued, _ = office.administration.issue_token(office.tenant_id, name="till")
    office.administration.revoke_token(issued.token_id)

    with pytest.raises(RotationConflictError, match="issue another"):
        office.rotation.rotate_token(issued.token_id, overlap_seconds=WEEK)
