"""Damages samples until a parser breaks a promise.

    python -m tests.fuzz --seconds 60                    every target, a minute each
    python -m tests.fuzz --target sql --seconds 3600     one target

What breaks is written to `regressions/`, from where `test_fuzz` takes it from then on.
"""
