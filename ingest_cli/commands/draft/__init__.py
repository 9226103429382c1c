"""Looking at a dump that has no manifest, and writing one to begin with.

`sampling` takes a bounded sample of a source, `looking` has it guessed what it looks like, with the rules by which
identifiers are loaded (`kinds`), and `manifest_text` writes the guess down as a manifest for a person to correct.
"""
