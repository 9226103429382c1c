"""Rows that are kept in columns, in Arrow's own memory layout or one that Arrow reads.

`columns` finds the wanted ones, `cells` says what their values look like as text, `chunks` cuts rows into chunks;
`parquet_pages` and `ipc_messages` find out how much memory a file would take before it gets any.
"""
