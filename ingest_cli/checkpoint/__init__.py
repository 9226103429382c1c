"""Record of what is done and safe: results of chunks, the journal, saved checkpoints, rejects."""
