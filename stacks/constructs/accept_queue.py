"""Where an accepted event waits while the database is out of reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

if TYPE_CHECKING:
    from aws_cdk import RemovalPolicy

# The most that SQS takes, of each.
RETENTION = Duration.days(14)
MAX_MESSAGE_BYTES = 1024 * 1024
MAX_RECEIVES = 1000
# AWS asks for six times the function's time-out: pollers also hold what they cannot hand over.
VISIBILITY_FACTOR = 6


class AcceptQueue(Construct):
    """A queue, and its dead letters beside it.

    Neither has a name of ours: one that is retained would stand in the way of the next.

    ``function_timeout`` is that of the function which stores what waits here. What is
    in either queue was acknowledged to its sender, so ``removal_policy`` is the data's.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function_timeout: Duration,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            max_message_size_bytes=MAX_MESSAGE_BYTES,
            retention_period=RETENTION,
            removal_policy=removal_policy,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            max_message_size_bytes=MAX_MESSAGE_BYTES,
            retention_period=RETENTION,
            removal_policy=removal_policy,
            visibility_timeout=Duration.seconds(function_timeout.to_seconds() * VISIBILITY_FACTOR),
            # Not a count of tries. Our own code moves a message that is truly bad at once;
            # and in an outage each message is made invisible for 15 minutes at most, which
            # is some 60 receives in 12 hours, and none of them may end as a dead letter.
            # What is left is the message that kills its worker each time.
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=MAX_RECEIVES
            ),
        )
