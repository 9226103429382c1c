"""PynamoDB: `Model.batch_write` of models, one request after the other, as it does it."""

from __future__ import annotations

import os
from typing import Any

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.models import Model
from ready import measured, native, task

work = task()


class Item(Model):
    class Meta:
        table_name = work.table
        host = work.url
        region = os.environ["AWS_DEFAULT_REGION"]

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    sealed = BinaryAttribute(legacy_encoding=False)
    src = UnicodeAttribute()
    canon = NumberAttribute()


def model(item: dict[str, Any]) -> Item:
    item["canon"] = int(item["canon"])
    return Item(**item)


items = [model(native(item)) for item in work.items]
with measured(len(items)), Item.batch_write() as batch:
    for item in items:
        batch.save(item)
