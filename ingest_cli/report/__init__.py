"""Stage 9: the report of a run, and its formats.

`report` holds everything about one run: `account` (rows and items committed), `distinct` (distinct keys among them),
`byte_progress` (share of the sources that is committed), `traffic` (requests), `timeline` (all of these over time) and
`pricing` (cost). `html/` and `metrics/` render it; `reject_advice` explains rejects.
"""
