"""boto3: `Table.batch_writer`, one request after the other, as it does it."""

from __future__ import annotations

import boto3
from ready import measured, native, task

work = task()
items = [native(item) for item in work.items]
table = boto3.resource("dynamodb", endpoint_url=work.url).Table(work.table)
with measured(len(items)), table.batch_writer() as batch:
    for item in items:
        batch.put_item(Item=item)
