"""`python -m ingest_cli`: the same as the command `ingest-cli`."""

from ingest_cli.cli import main

if __name__ == "__main__":
    main()
