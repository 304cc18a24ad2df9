"""The two layers that every function runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import AssetHashType
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.assets import LayerName, layer_hash, layer_path

if TYPE_CHECKING:
    from stacks.stages import FunctionConfig


class Layers(Construct):
    """Third-party wheels below, our package above.

    One set a stack: a layer shared between stacks would be a CloudFormation
    export, which cannot change while it is in use, and so would block every
    deploy of new code.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: FunctionConfig) -> None:
        super().__init__(scope, construct_id)
        self.versions = [
            lambda_.LayerVersion(
                self,
                name.capitalize(),
                code=lambda_.Code.from_asset(
                    str(layer_path(name, config.layer_target)),
                    asset_hash=layer_hash(name, config.layer_target),
                    asset_hash_type=AssetHashType.CUSTOM,
                ),
                compatible_runtimes=[config.runtime],
                compatible_architectures=[config.architecture],
            )
            for name in LayerName
        ]
