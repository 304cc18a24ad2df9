"""What metrics of each tenant cost on CloudWatch: ``python -m ops.metric_cost 500``.

The stage's switch ``per_tenant_metrics`` asks for them. A metric is billed for the hours in which
anything was sent for it, and beyond the first 10,000 it costs less, so this is the most: every
tenant sends in every hour of the month.
"""

from __future__ import annotations

import argparse
import sys
from decimal import Decimal

from ops.prices import PriceTable, price_table

# latency_ms, events_accepted, server_errors, requests, delivery_lag_ms, attempts, retries: those of
# tillgate.entrypoints.emf, which a test compares.
METRICS_OF_A_TENANT = Decimal(7)


def per_tenant_metrics_usd(tenants: Decimal, prices: PriceTable) -> Decimal:
    """Give the dollars a month for so many tenants; raises ValueError for fewer than none."""
    return prices["metric"].cost(tenants * METRICS_OF_A_TENANT)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.metric_cost", description=__doc__)
    parser.add_argument("tenants", nargs="*", type=Decimal, default=[Decimal(100), Decimal(500)])
    prices = price_table()
    for tenants in parser.parse_args(arguments).tenants:
        dollars = per_tenant_metrics_usd(tenants, prices)
        sys.stdout.write(
            f"{tenants:,} tenants, {METRICS_OF_A_TENANT} metrics each:"
            f" ${dollars:,.2f} a month ({prices.region}, prices of {prices.as_of})\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
