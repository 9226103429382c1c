"""Who runs the shards and writes their chunks: one after the other, or with several requests in flight."""
