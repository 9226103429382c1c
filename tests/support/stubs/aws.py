"""`aws s3 cp` and `aws s3 sync` between folders, as far as a policy allows it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from tests.support.iam import AccessRequest, Policy

REFUSED = 1


def main(settings: dict[str, Any], arguments: list[str]) -> int:
    """Copy, and note what was needed of the policy.

    Args:
        settings: `buckets`, the folder with a folder for each bucket; `policy`, what the role may do; and `used`, the
            file that takes, line by line, the parts of the policy that were needed.
        arguments: of the command line.
    """
    policy = Policy.of(settings["policy"])
    code = _copy(policy, Path(settings["buckets"]), arguments)
    with Path(settings["used"]).open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(grant) + "\n" for grant in sorted(policy.used))
    return code


def _copy(policy: Policy, buckets: Path, arguments: list[str]) -> int:
    """Copy.

    Args:
        policy: what the role may do.
        buckets: the folder with a folder for each bucket.
        arguments: of the command line.
    """
    if not os.environ.get("AWS_DEFAULT_REGION"):
        print("You must specify a region", file=sys.stderr)
        return REFUSED
    service, verb, *rest = arguments
    source, target = (one for one in rest if not one.startswith("--"))
    assert (service, verb) in {("s3", "cp"), ("s3", "sync")}
    if verb == "sync":
        bucket, _, prefix = source.removeprefix("s3://").partition("/")
        if not _may(policy, "s3:ListBucket", bucket):
            return REFUSED
        for path in sorted((buckets / bucket / prefix).iterdir()):
            if not _may(policy, "s3:GetObject", f"{bucket}/{prefix}{path.name}"):
                return REFUSED
            Path(target).mkdir(exist_ok=True)
            shutil.copy(path, Path(target) / path.name)
        return 0
    action = "s3:GetObject" if source.startswith("s3://") else "s3:PutObject"
    remote = (source if action == "s3:GetObject" else target).removeprefix("s3://")
    if not _may(policy, action, remote):
        return REFUSED
    here, there = (buckets / remote, Path(target)) if action == "s3:GetObject" else (Path(source), buckets / remote)
    if not here.exists():
        print("An error occurred (404) when calling the HeadObject operation: Not Found", file=sys.stderr)
        return REFUSED
    there.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(here, there)
    return 0


def _may(policy: Policy, action: str, name: str) -> bool:
    if policy.allows(AccessRequest(action, f"arn:aws:s3:::{name}")):
        return True
    print(f"An error occurred (AccessDenied): not authorized to perform: {action} on {name}", file=sys.stderr)
    return False


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))
