"""The CloudWatch metrics that alerts look at, by what they are of."""

from __future__ import annotations

from stacks.alerts.model import Metric, Place


def gateway(name: str, statistic: str) -> Metric:
    return Metric(place=Place.GATEWAY, name=name, statistic=statistic)


def ours(name: str, statistic: str, **labels: str) -> Metric:
    return Metric(place=Place.OURS, name=name, statistic=statistic, labels=labels)


def queue(of: str, name: str, statistic: str) -> Metric:
    return Metric(place=Place.QUEUE, name=name, statistic=statistic, of=of)
