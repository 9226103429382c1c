"""Report of runs as an HTML page: a single file, without external resources or scripts.

It shows the contents of the JSON report and nothing else: `document.render` converts the report to the page.
Matplotlib draws the figures and Jinja renders the page, both from the extra `report`; so without a page nothing of
this package is imported.
"""

GENERATOR = '<meta name="generator" content="ingest-cli'
"""Marker near the start of a generated page, by which it is recognized."""
