"""Stage 9: the account of a run, its progress and timeline, what it costs, and the forms a report takes."""
