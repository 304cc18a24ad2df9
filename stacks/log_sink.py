"""Where all log lines go besides CloudWatch, when an operator has a place for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class LogSinkError(ValueError):
    """The ARN names nothing that CloudWatch Logs sends to."""


class SinkKind(StrEnum):
    """What a subscription filter of the same account can send to."""

    KINESIS = "kinesis"
    FIREHOSE = "firehose"
    LAMBDA = "lambda"


@dataclass(frozen=True, slots=True)
class LogSink:
    """One that is in this account and region: CloudWatch Logs reaches no other directly."""

    kind: SinkKind
    arn: str


# Of a function without a version or an alias: a permission of its own belongs to neither.
_RESOURCES = {
    SinkKind.KINESIS: r"stream/[\w.-]{1,128}",
    SinkKind.FIREHOSE: r"deliverystream/[\w.-]{1,64}",
    SinkKind.LAMBDA: r"function:[\w-]{1,64}",
}


# As CloudFormation names what has no name of its own: the stack's, the construct's, and letters.
_OURS = r"arn:.+:function:Tillgate-{stage}-(Data|Ingest|Delivery|Operations|Observability)-.+"


def log_sink(arn: str, *, stage: str) -> LogSink:
    """Tell what an ARN names. Raises LogSinkError with a sentence.

    A function of the stage itself is refused: each line that it is sent would make it write one.
    """
    if re.fullmatch(_OURS.format(stage=re.escape(stage)), arn):
        raise LogSinkError(
            f"log_sink_arn must not be a function of this stage, which {arn!r} is: it would be"
            " sent its own lines, and write more of them, without an end."
        )
    for kind, resource in _RESOURCES.items():
        if re.fullmatch(rf"arn:aws[a-z-]*:{kind}:[a-z0-9-]+:\d{{12}}:{resource}", arn, re.ASCII):
            return LogSink(kind, arn)
    raise LogSinkError(
        f"log_sink_arn must be the ARN of a Kinesis stream, a Firehose stream or a Lambda function"
        f" (without version or alias), not {arn!r}."
    )
