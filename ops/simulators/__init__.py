"""The POS vendors' side: what they send, how they sign it, and what they do with an answer.

For the local stack, for tests and for measurements. Nothing of ``tillgate.providers`` is used
to sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.simulators.adyen import Adyen
from ops.simulators.clover import Clover
from ops.simulators.lightspeed import Lightspeed
from ops.simulators.shopify import Shopify
from ops.simulators.square import Square
from ops.simulators.standard import Standard
from ops.simulators.stripe import Stripe
from ops.simulators.sumup import Sumup
from ops.simulators.toast import Toast
from ops.simulators.zettle import Zettle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.simulators.simulator import Simulator

SIMULATORS: Mapping[str, Simulator] = {
    simulator.name: simulator
    for simulator in (
        Square(),
        Shopify(),
        Toast(),
        Clover(),
        Lightspeed(),
        Zettle(),
        Sumup(),
        Stripe(),
        Adyen(),
        Standard(),
    )
}
