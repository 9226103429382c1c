"""Metrics of a run for monitoring, in the formats of Prometheus and CloudWatch."""
