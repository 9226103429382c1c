"""Stream breach dumps, keyed-hash the identifiers in them, and batch-write them to DynamoDB."""

__version__ = "0.1.0"
