"""Stage 9: the account of a run, its progress, timeline and cost, and the formats of its report."""
