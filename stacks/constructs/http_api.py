"""The gateway: one HTTPS address for senders, readers and operators."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from aws_cdk import RemovalPolicy, Tags
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_logs as logs
from constructs import Construct

if TYPE_CHECKING:
    from stacks.stages import DomainConfig, HttpConfig

# One line a request, by what the gateway itself saw; nothing that a sender keeps secret.
ACCESS_LOG = {
    "gateway_rid": "$context.requestId",
    "at": "$context.requestTimeEpoch",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "function_ms": "$context.integrationLatency",
    "error": "$context.error.message",
    "function_error": "$context.integrationErrorMessage",
}


class HttpApi(Construct):
    """An HTTP API with its ``$default`` stage; no CORS, since no browser elsewhere calls it."""

    def __init__(self, scope: Construct, construct_id: str, *, config: HttpConfig) -> None:
        super().__init__(scope, construct_id)
        domain = self._domain(config.domain) if config.domain else None
        self.api = apigateway.HttpApi(
            self,
            "Api",
            create_default_stage=False,
            disable_execute_api_endpoint=domain is not None,
        )
        for key, value in config.tags.items():
            Tags.of(self.api).add(key, value)
        self.access_logs = logs.LogGroup(
            self,
            "AccessLogs",
            retention=config.access_log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(
                rate_limit=config.throttle_rate, burst_limit=config.throttle_burst
            ),
            # By route they are billed one by one, and nobody looks at them: the lines have routes.
            detailed_metrics_enabled=False,
            domain_mapping=apigateway.DomainMappingOptions(domain_name=domain) if domain else None,
        )
        cast(
            "apigateway.CfnStage", self.stage.node.default_child
        ).access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=self.access_logs.log_group_arn, format=json.dumps(ACCESS_LOG)
        )
        self.url = f"https://{config.domain.name}" if config.domain else self.api.api_endpoint
        # What the operator's DNS record for the domain points to.
        self.domain_target = domain.regional_domain_name if domain else None

    def _domain(self, domain: DomainConfig) -> apigateway.DomainName:
        return apigateway.DomainName(
            self,
            "Domain",
            domain_name=domain.name,
            certificate=acm.Certificate.from_certificate_arn(
                self, "Certificate", domain.certificate_arn
            ),
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
        )
