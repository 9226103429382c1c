"""Guess the format of a dump from its first bytes, one decision per module; used by `ingest_cli.formats.sniff`.

In order: what kind of file it is (`magic`), its encoding (`charset`, `languages`, `spelling`), the syntax of its rows
(`dialect`, `rows`), where they begin and end (`preamble`, `delimited_rows`), whether the first row names the columns
(`header`, `names`), what each column holds (`shapes`, `columns`), which keys of the manifest are needed for rows of
another width (`misfits`), the region of telephone numbers (`regions`), and the defects of the file (`wounds`).
"""
