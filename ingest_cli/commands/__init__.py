"""Commands: one module each, independent of the terminal."""
