"""Inspect a dump without a manifest, and draft one.

`sampling` takes a bounded sample of a source, `looking` has its format and columns guessed, with the rules by which
identifiers are loaded (`kinds`), and `manifest_text` writes the guess as a manifest for the operator to correct.
"""
