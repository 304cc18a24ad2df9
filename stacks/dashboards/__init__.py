"""The dashboards: what they show is data; ``rendering`` makes CloudWatch's of it."""
