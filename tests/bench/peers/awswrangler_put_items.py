"""awswrangler: `dynamodb.put_items` of dicts, with as many threads as there are processors, its default."""

from __future__ import annotations

import awswrangler as wr
from ready import measured, native, task

work = task()
wr.config.dynamodb_endpoint_url = work.url
items = [native(item) for item in work.items]
with measured(len(items)):
    wr.dynamodb.put_items(items=items, table_name=work.table)
