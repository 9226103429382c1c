"""Guessing what a dump is from its first bytes, one decision per module.

The order in which `ingest_cli.formats.sniff` takes them: what the bytes are (`magic`), which characters they stand for
(`charset`, `languages`, `spelling`), how the rows are written down (`dialect`, `rows`), where they begin and end
(`preamble`, `delimited_rows`), whether the first row names the columns (`header`, `names`), what each column holds
(`shapes`, `columns`), which keys the rows need that do not fit (`misfits`), where telephone numbers are dialled
(`regions`), and what is wrong with the file (`wounds`).
"""
