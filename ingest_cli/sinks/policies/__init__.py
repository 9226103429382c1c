"""Write policies: one decision per module, each a wrapper around the sink interface."""
