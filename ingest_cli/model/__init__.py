"""Data passed between the stages, and operator input: chunks, manifests, settings, keys."""
