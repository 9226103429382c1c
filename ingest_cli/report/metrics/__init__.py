"""What a run came to, for those who watch many machines: numbers by name, for Prometheus and for CloudWatch."""
