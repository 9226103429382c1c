"""Stages 5 to 7: hash identifiers, build items, cut them into batches."""
