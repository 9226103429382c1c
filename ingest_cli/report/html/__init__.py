"""A page about runs that one can look at: everything in one file, nothing fetched, nothing executed.

What it shows is what the JSON report holds, and nothing else: `document.render` takes that and gives the page.
Matplotlib draws the figures and Jinja puts them together, both from the extra `report`; so whoever wants no page
imports nothing of this package.
"""

GENERATOR = '<meta name="generator" content="ingest-cli'
"""What a page of ours has near its beginning, and no other has."""
