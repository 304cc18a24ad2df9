"""CloudWatch's embedded metric format: the canonical line itself says what in it is a metric.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMESPACE = "Tillgate"


def directive(
    namespace: str,
    metrics: Sequence[tuple[Sequence[Sequence[str]], Sequence[tuple[str, str]]]],
    at_ms: int,
) -> dict[str, Any]:
    """Give the ``_aws`` member of a line in which each dimension and each metric is a member.

    ``metrics`` has (dimension sets, [(name, unit)]); ``at_ms`` is milliseconds since 1970.
    """
    return {
        "Timestamp": at_ms,
        "CloudWatchMetrics": [
            {
                "Namespace": namespace,
                "Dimensions": [list(dimensions) for dimensions in dimension_sets],
                "Metrics": [{"Name": name, "Unit": unit} for name, unit in named],
            }
            for dimension_sets, named in metrics
        ],
    }
