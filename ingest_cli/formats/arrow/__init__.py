"""Read rows stored in columns, in Arrow's memory layout or a format that Arrow reads.

`columns` finds the wanted columns, `cells` formats their values, `chunks` splits rows into chunks; `parquet` and `ipc`
read files; `parquet_pages` and `ipc_messages` compute the memory that a file needs before Arrow reads it.
"""
