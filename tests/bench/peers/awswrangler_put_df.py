"""awswrangler: `dynamodb.put_df` of a data frame, with as many threads as there are processors, its default."""

from __future__ import annotations

import awswrangler as wr
import pandas as pd
from ready import measured, native, task

work = task()
wr.config.dynamodb_endpoint_url = work.url
frame = pd.DataFrame([native(item) for item in work.items])
with measured(len(frame)):
    wr.dynamodb.put_df(frame, work.table)
