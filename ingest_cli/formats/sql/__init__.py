"""The parts of the `sql` format, in the order in which a dump passes through them.

`dialect` decides from the first bytes which tool wrote it; `tokens` cuts text into tokens by that tool's rules;
`statements` reads the head of an INSERT, COPY or CREATE TABLE; `catalog` knows the tables, `heads` the statements
seen before; `tuples` and `copy_lines` read rows; `boundaries` says where the next one begins, `skipping` where what
is no row ends; `values` says what a literal stands for; `scanner` is the state machine that puts them together.
"""
