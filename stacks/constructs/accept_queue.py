"""Where an accepted event waits while the database is out of reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs import Construct

from stacks.constructs.work_queue import DeadLetters, WorkQueue

if TYPE_CHECKING:
    from aws_cdk import Duration, RemovalPolicy
    from aws_cdk.aws_kms import IKey


class AcceptQueue(Construct):
    """A queue, and its dead letters beside it.

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
        key: IKey | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = DeadLetters(self, "DeadLetters", removal_policy=removal_policy, key=key)
        self.queue = WorkQueue(
            self,
            "Queue",
            dead_letters=self.dead_letters,
            function_timeout=function_timeout,
            removal_policy=removal_policy,
            key=key,
        )
