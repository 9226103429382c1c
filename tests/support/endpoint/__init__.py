"""A scripted DynamoDB endpoint for tests and benchmarks.

It speaks DynamoDB's JSON 1.0 protocol over real sockets, keeps items, checks requests as strictly as the
service, meters capacity, and fails on command; its audit log says what really happened.

In a test:

    with Endpoint() as endpoint:
        client = boto3.client("dynamodb", **endpoint.client_arguments)
        endpoint.script.add(faults.reset(after=True), operation="BatchWriteItem", nth=3)
        ...
        assert endpoint.audit.acknowledged_keys("people") == ...

For a benchmark or a test that kills its client, in a separate process: `EndpointProcess`, or
`python -m tests.support.endpoint --help`.
"""

from __future__ import annotations

from . import faults
from .audit import Audit, RequestRecord, WriteRecord
from .capacity import Limits
from .clock import FakeClock
from .fast import Recorder, acknowledge_all
from .faults import Fault, RequestView, Rule, Script
from .items import canonical_json, item_bytes, item_sha256
from .process import EndpointProcess
from .server import ACCESS_KEY, SECRET_KEY, Endpoint
from .signatures import Credentials
from .tls import Certificate, make_certificate

__all__ = [
    "ACCESS_KEY",
    "SECRET_KEY",
    "Audit",
    "Certificate",
    "Credentials",
    "Endpoint",
    "EndpointProcess",
    "FakeClock",
    "Fault",
    "Limits",
    "Recorder",
    "RequestRecord",
    "RequestView",
    "Rule",
    "Script",
    "WriteRecord",
    "acknowledge_all",
    "canonical_json",
    "faults",
    "item_bytes",
    "item_sha256",
    "make_certificate",
]
