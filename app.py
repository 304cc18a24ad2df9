"""The CDK application: chooses the stage, builds its stacks. Run by ``npx cdk``."""

from __future__ import annotations

import sys

from aws_cdk import App, Aspects, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from stacks.assets import LayerMissingError
from stacks.constructs.encryption import EncryptedLogs
from stacks.context import StageError
from stacks.data import DataStack
from stacks.delivery import DeliveryStack
from stacks.ingest import IngestStack
from stacks.observability import ObservabilityStack
from stacks.operations import OperationsStack
from stacks.stages import StageConfig, choose_stage
from tillgate.settings.function import FunctionSettings, SettingsError


def build(app: App, *, stage: StageConfig) -> None:
    """Add a stage's stacks to the application, and the checks that they must pass.

    Raises LayerMissingError when the layers are not those of the sources, and
    SettingsError when a function would be told something that makes no sense.
    """
    # First, so that a limit that makes no sense is named before a construct stumbles on it.
    FunctionSettings(**stage.common_settings())
    prefix = f"Tillgate-{stage.name}"
    data = DataStack(app, f"{prefix}-Data", stage=stage)
    ingest = IngestStack(app, f"{prefix}-Ingest", stage=stage, data=data)
    delivery = DeliveryStack(app, f"{prefix}-Delivery", stage=stage, data=data, ingest=ingest)
    operations = OperationsStack(
        app,
        f"{prefix}-Operations",
        stage=stage,
        data=data,
        ingest=ingest,
        delivery=delivery,
    )
    if stage.has_alarms:
        ObservabilityStack(
            app,
            f"{prefix}-Observability",
            stage=stage,
            data=data,
            ingest=ingest,
            delivery=delivery,
            operations=operations,
        )
    if data.key is not None:
        Aspects.of(app).add(EncryptedLogs(data.key))
    Tags.of(app).add("tillgate:stage", stage.name)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app, verbose=True))


def main(app: App) -> int:
    """Build and synthesise what the context chooses; give the exit code."""
    try:
        build(app, stage=choose_stage(app.node.try_get_context))
    except (StageError, SettingsError, LayerMissingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main(App()))
