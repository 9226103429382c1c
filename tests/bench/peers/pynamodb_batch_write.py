"""PynamoDB: `Model.batch_write` of models, one request after the other, as it does it."""

from __future__ import annotations

import os
from typing import Any

from pynamodb.attributes import MapAttribute, NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.models import Model
from ready import measured, native, task

work = task()


class Hints(MapAttribute[str, set[str]]):
    id = UnicodeSetAttribute(null=True)
    phone = UnicodeSetAttribute(null=True)
    email = UnicodeSetAttribute(null=True)


class Item(Model):
    class Meta:
        table_name = work.table
        host = work.url
        region = os.environ["AWS_DEFAULT_REGION"]

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    label = UnicodeAttribute()
    classes = UnicodeSetAttribute()
    hints = Hints(null=True)
    src = UnicodeAttribute()
    canon = NumberAttribute()


def model(item: dict[str, Any]) -> Item:
    hints = item.pop("hints", None)
    item["canon"] = int(item["canon"])
    return Item(**item, hints=Hints(**hints) if hints else None)


items = [model(native(item)) for item in work.items]
with measured(len(items)), Item.batch_write() as batch:
    for item in items:
        batch.save(item)
