"""The stand-in for Clover's REST API, and the adapter against it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from ops.local.supabase import project_secret
from ops.local.supabase_faults import Fault, FaultKind
from ops.local.supabase_process import SupabaseProject
from tests.unit.ops.test_supabase import KEY, served
from tests.unit.services.deliveries import access
from tillgate.adapters.outbound_http import OutboundHttp
from tillgate.adapters.pos.clover import CloverApi
from tillgate.domain.delivery import GaveUp, RetryLater
from tillgate.domain.enrichment import Fetched, PosObject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Iterator[SupabaseProject]:
    with served(tmp_path) as url:
        yield SupabaseProject(url=url, secret=project_secret("demo-clover", key=KEY))


@pytest.fixture
def api() -> Iterator[CloverApi]:
    http = OutboundHttp(connect_seconds=1, max_uses=100, allow_private=True)
    yield CloverApi(http, request_seconds=2, allow_private=True)
    http.close()


def fetch(
    api: CloverApi, project: SupabaseProject, object_id: str, *, token: str | None = None
) -> Fetched | RetryLater | GaveUp:
    return api.fetch(
        replace(access(), api_url=project.url),
        token or project.secret,
        PosObject("CLDEMO", object_id),
        within_seconds=2,
    )


@pytest.mark.parametrize("object_id", ["O:A", "P:A", "I:A", "IC:A", "IG:A", "C:A", "E:A", "M:A"])
def test_every_object_that_is_asked_for_is_there(
    api: CloverApi, project: SupabaseProject, object_id: str
) -> None:
    found = fetch(api, project, object_id)

    assert isinstance(found, Fetched)
    assert '"id": "A"' in found.text or '"id": "CLDEMO"' in found.text
    assert fetch(api, project, object_id) == found
    assert project.seen() == {"answers": {"200": 2}, "events": {}}


def test_an_order_comes_with_what_was_expanded(api: CloverApi, project: SupabaseProject) -> None:
    found = fetch(api, project, "O:A")

    assert isinstance(found, Fetched)
    assert '"lineItems": {"elements": []}' in found.text


def test_some_are_gone_and_strangers_are_refused(api: CloverApi, project: SupabaseProject) -> None:
    assert fetch(api, project, "O:GONE1") == GaveUp("gone", 404)
    assert fetch(api, project, "O:A", token="sb_secret_demo_x") == GaveUp("http-401", 401)


def test_it_misbehaves_as_it_is_told_to(api: CloverApi, project: SupabaseProject) -> None:
    project.misbehave(Fault(kind=FaultKind.STATUS, status=429, retry_after="3", requests=1))
    assert fetch(api, project, "O:A") == RetryLater("http-429", 429, 3)
    project.misbehave(Fault(kind=FaultKind.PAGE, requests=1))
    assert fetch(api, project, "O:A") == RetryLater("unexpected-answer", 200)
    project.misbehave(Fault(kind=FaultKind.CUT, requests=1))
    assert fetch(api, project, "O:A") == RetryLater("broken-answer")

    assert isinstance(fetch(api, project, "O:A"), Fetched)
    assert project.seen()["answers"] == {"200": 1, "429": 1, "cut": 1, "page": 1}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v3/merchants/M/orders/A"), ("GET", "/v3/merchants/M/orders"),
     ("GET", "/v3/merchants/M/unknown/A")],
)  # fmt: skip
def test_nothing_else_is_answered(project: SupabaseProject, method: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {project.secret}"}

    with httpx.Client(trust_env=False) as http:
        answer = http.request(method, f"{project.url}{path}", headers=headers)

    assert answer.status_code == 404
