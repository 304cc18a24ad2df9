"""The admin routes that need the way out: a destination's test, a synthetic event's end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.errors import NotFoundError
from tillgate.entrypoints.acting import operator_acting
from tillgate.entrypoints.admin_answers import record
from tillgate.entrypoints.http import json_response
from tillgate.entrypoints.routes import PROBE_PATH, SYNTHETIC_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.domain.audit import Acting
    from tillgate.domain.trace import Trace
    from tillgate.entrypoints.http import HttpRequest, LambdaResponse
    from tillgate.entrypoints.observability import RequestLog
    from tillgate.services.operator import OperatorGate
    from tillgate.services.probe import ProbeDestination
    from tillgate.services.synthetic import DiscardSynthetic

_TEST = f"POST {PROBE_PATH}"
_ROUTES = frozenset({_TEST, f"DELETE {SYNTHETIC_PATH}"})


class ProbeRoutes:
    """Answers the operator, and nobody else.

    ``begin_trace`` is told each request's trace, ``begin`` who asks for what follows.
    """

    def __init__(
        self,
        probe: ProbeDestination,
        *,
        discard: DiscardSynthetic,
        gate: OperatorGate,
        begin_trace: Callable[[Trace], None] = lambda _trace: None,
        begin: Callable[[Acting], None] = lambda _acting: None,
    ) -> None:
        self._probe = probe
        self._discard = discard
        self._gate = gate
        self._begin_trace = begin_trace
        self._begin = begin

    def handle(
        self, request: HttpRequest, log: RequestLog, *, source_address: str = ""
    ) -> LambdaResponse:
        if request.route not in _ROUTES:
            raise NotFoundError("There is no such path.")
        self._gate.admit(request.headers.get("authorization"))
        self._begin(operator_acting(request, source_address))
        tenant_id = request.path_parameters["tenant_id"]
        log.tenant_id = tenant_id[:36]
        self._begin_trace(request.trace)
        if request.route == _TEST:
            result = self._probe.run(tenant_id)
            log.outcome = result.outcome
            return json_response(200, record(result), rid=request.rid)
        discarded = self._discard.run(tenant_id, request.path_parameters["event_id"])
        log.outcome = "discarded"
        return json_response(200, record(discarded), rid=request.rid)
