"""From when on it is bad, and for how long it has to be: each number once."""

from __future__ import annotations

from typing import Final

from stacks.alerts.model import Window

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

# What the platform promises, of all requests; what is not kept of it is the error budget.
OBJECTIVE: Final = 0.999
ERROR_BUDGET: Final = round(1 - OBJECTIVE, 9)
# How many times faster than the budget allows over 30 days. In an hour, 14.4 uses 2 % of it; in
# six hours, 6 uses 5 %. https://sre.google/workbook/alerting-on-slos/
FAST_BURN: Final = 14.4
SLOW_BURN: Final = 6.0

P95_SECONDS: Final = 1.0
ERROR_RATIO: Final = 0.02
# Under one request a second, two senders with an old token are more than 2 %.
CLIENT_ERRORS_FROM_REQUESTS: Final = 60
# In the pair's long window. Below it a single failed request would burn the budget of the hour;
# server-errors has no such minimum, and sees what fails all the time.
FAST_BURN_FROM_REQUESTS: Final = 600
SLOW_BURN_FROM_REQUESTS: Final = 3_600
SILENCE: Final = 15 * MINUTE
# A Prometheus that has just begun has scraped nothing, which is no absence yet: so long at least,
# which is four scrapes. It is part of the time that the alert takes, not added to it.
SETTLED: Final = MINUTE
# In an outage a message is made invisible for 15 minutes at most: what is older is stuck.
ACCEPT_AGE_SECONDS: Final = 15 * MINUTE
# Sweep looks each second, and deliver takes what it finds at once.
DUE_AGE_SECONDS: Final = 5 * MINUTE
# What a destination refused waits on the same queue for hours, and that is no fault of ours: the
# age counts only while something else waits there for a worker all the time.
WAITING_AGE_SECONDS: Final = 15 * MINUTE
PARTITION_DAYS: Final = 7
BACKUP_HOURS: Final = 26
DRILL_DAYS: Final = {"rollback": 8, "restore": 35}
SECRET_DAYS: Final = 90
# Of what is tried at a target. More, and retries themselves keep it down. No alert: what does not
# get through in time is one, by its age and its dead letters.
RETRY_RATIO: Final = 0.1

# Those on which a sender, a reader or a delivery waits. Not sweep: of two runs that meet, one is
# throttled on purpose, and comes back.
THROTTLED: Final = ("ingest", "api", "health", "probe", "accept", "deliver")
DEAD_LETTER_QUEUES: Final = ("accept-dead-letters", "delivery-dead-letters")

# Minute by minute, as things are measured: the window slides, and of a longer period one bad minute
# would be enough. Five of them; fifteen of what moves in hours.
SOON: Final = Window(period_seconds=MINUTE, periods=5)
LATER: Final = Window(period_seconds=MINUTE, periods=15)
AT_ONCE: Final = Window(period_seconds=MINUTE, periods=1)
