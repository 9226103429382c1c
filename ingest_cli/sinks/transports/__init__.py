"""Transports of requests to DynamoDB: the fast one, and the reference it is tested against."""
