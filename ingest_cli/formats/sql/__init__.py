"""Parts of the `sql` format, in the order in which a dump passes through them.

`dialect` detects the tool that wrote a dump; `tokens` splits text into tokens by its rules; `statements` reads the head
of an INSERT, COPY or CREATE TABLE; `catalog` stores the tables, `heads` the statements seen before; `tuples`, `selects`
and `copy_lines` read rows; `boundaries` finds the start of the next row, `skipping` the end of other statements;
`recovery` and `unread` handle damaged text; `values` evaluates literals; `scanner` is the state machine of all of them.
None of them depends on `ingest_cli.formats.sql_dump`, which makes chunks of the rows.
"""
