"""Engines: run the shards and write their chunks, either one at a time or with several requests in flight."""
