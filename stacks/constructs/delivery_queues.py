"""Where a delivery waits for its attempt, and for its next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import RemovalPolicy
from constructs import Construct

from stacks.constructs.work_queue import DeadLetters, WorkQueue

if TYPE_CHECKING:
    from aws_cdk import Duration
    from aws_cdk.aws_kms import IKey

# The queues hold ids of what is in the database: what they lose, sweep queues again.
REMOVAL = RemovalPolicy.DESTROY


class DeliveryQueues(Construct):
    """Two queues to one function, so that a redrive never stands before what is new.

    ``function_timeout`` is that function's. Both send to the same dead letters, which are
    messages that kill the function: an event that cannot be delivered is a dead letter in
    the database, and never here.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function_timeout: Duration,
        key: IKey | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = DeadLetters(self, "DeadLetters", removal_policy=REMOVAL, key=key)
        self.delivery, self.redrive = (
            WorkQueue(
                self,
                kind,
                dead_letters=self.dead_letters,
                function_timeout=function_timeout,
                removal_policy=REMOVAL,
                key=key,
            )
            for kind in ("Delivery", "Redrive")
        )
