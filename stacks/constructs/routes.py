"""Routes of the gateway, each to a function."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Validations
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from constructs import Construct

if TYPE_CHECKING:
    from aws_cdk.aws_lambda import IFunction

UNAUTHORISED = Acknowledgment(
    id="AwsSolutions-APIG4",
    reason="The functions authorise: a vendor's robot signs its body, which no authorizer sees.",
)


class Routes(Construct):
    """Route keys (``POST /v1/events``, ``$default``) that lead to one function."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        http_api: apigateway.IHttpApi,
        function: IFunction,
        keys: list[str],
    ) -> None:
        super().__init__(scope, construct_id)
        integration = integrations.HttpLambdaIntegration("Integration", function)
        for key in keys:
            route = apigateway.HttpRoute(
                self, _construct_id(key), http_api=http_api, route_key=_route_key(key),
                integration=integration,
            )  # fmt: skip
            Validations.of(route).acknowledge(UNAUTHORISED)


def _route_key(key: str) -> apigateway.HttpRouteKey:
    if key == "$default":
        return apigateway.HttpRouteKey.DEFAULT
    method, _, path = key.partition(" ")
    return apigateway.HttpRouteKey.with_(path, apigateway.HttpMethod[method])


def _construct_id(key: str) -> str:
    """Name a route in the template: ``POST /v1/events/batch`` is PostV1EventsBatch."""
    return "".join(part.capitalize() for part in re.findall(r"[A-Za-z0-9]+", key))
