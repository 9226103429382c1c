"""`curl` to the instance metadata service, version 2: no answer without a token ("Use IMDSv2", EC2 user guide)."""

from __future__ import annotations

import json
import sys
from typing import Any

REFUSED = 22
"""curl's exit code for an HTTP error with --fail."""

_HOST, _TOKEN = "http://169.254.169.254", "AQAEAtoken=="
_WITH_VALUE = {"--request", "--header", "--max-time", "--retry"}


def main(settings: dict[str, Any], arguments: list[str]) -> int:
    """Answer.

    Args:
        settings: `region` of the instance.
        arguments: of the command line.
    """
    method, headers, urls = "GET", {}, []
    rest = iter(arguments)
    for one in rest:
        value = next(rest) if one in _WITH_VALUE else ""
        if one == "--request":
            method = value
        elif one == "--header":
            name, _, text = value.partition(": ")
            headers[name.lower()] = text
        elif not one.startswith("--"):
            urls.append(one)
    assert "--fail" in arguments
    assert "--max-time" in arguments
    (url,) = urls
    path = url.removeprefix(_HOST)
    if (method, path) == ("PUT", "/latest/api/token") and headers["x-aws-ec2-metadata-token-ttl-seconds"].isdecimal():
        sys.stdout.write(_TOKEN)
        return 0
    if (method, path) == ("GET", "/latest/meta-data/placement/region"):
        if headers.get("x-aws-ec2-metadata-token") != _TOKEN:
            print("curl: (22) The requested URL returned error: 401", file=sys.stderr)
            return REFUSED
        sys.stdout.write(settings["region"])
        return 0
    print("curl: (22) The requested URL returned error: 404", file=sys.stderr)
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))
