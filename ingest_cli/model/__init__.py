"""What flows from stage to stage, and what an operator asks for: chunks, manifests, settings, keys."""
