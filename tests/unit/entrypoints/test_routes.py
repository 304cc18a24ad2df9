from __future__ import annotations

import pytest

from tillgate.domain.errors import MethodNotAllowedError, NotFoundError
from tillgate.entrypoints.routes import PAGES, ROUTES, check_route

ID = "01a207d9-2607-7716-9e0b-6a4f1d2c8b35"
METHODS_OF = ROUTES | PAGES
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", ""]


@pytest.mark.parametrize("template", METHODS_OF)
def test_every_other_method_is_refused_with_those_allowed(template: str) -> None:
    path = template.replace("{provider}", "square").replace("{", "").replace("}", "")
    for method in METHODS:
        if method in METHODS_OF[template]:
            assert check_route(method, path) == template
        else:
            with pytest.raises(MethodNotAllowedError) as caught:
                check_route(method, path)
            assert caught.value.allowed == METHODS_OF[template]


def test_path_written_out_goes_before_one_with_a_parameter() -> None:
    with pytest.raises(MethodNotAllowedError) as caught:
        check_route("GET", "/v1/events/batch")

    assert caught.value.allowed == ("POST",)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/v1",
        "/v1/events/",
        "//v1/events",
        "/V1/events",
        "/v1/events/a/b",
        "/v1/usage",
        "/admin/",
        "/admin/api",
        "/docs/",
        "/docs/../docs",
        "/v1/hooks/square",
        "/openapi.json.bak",
    ],
)
def test_what_is_not_built_is_not_there(path: str) -> None:
    with pytest.raises(NotFoundError):
        check_route("GET", path)
