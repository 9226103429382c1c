"""Guessing what a dump is from its first bytes, one decision per module.

The order in which `ingest_cli.formats.sniff` takes them: what the bytes are (`magic`), which characters
they stand for (`charset`), how the rows are written down (`dialect`, `rows`), whether the first row
names the columns (`header`, `names`), what each column holds (`shapes`, `columns`), and what is wrong
with the file (`wounds`).
"""
