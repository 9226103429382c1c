"""The AWS CLI: `s3 cp` and `s3 sync` between folders, and other commands as far as their parameters are right.

The former as far as a policy allows it, the latter by the models of AWS's API that botocore has.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.session import get_session
from botocore.validate import ParamValidator

from tests.support.iam import AccessRequest, Policy

REFUSED = 1
_COUNTS = {"RunInstances": ("MinCount", "MaxCount")}


class RefusedError(Exception):
    """What S3 refuses."""


def main(settings: dict[str, Any], arguments: list[str]) -> int:
    """Copy, and note what was needed of the policy.

    Args:
        settings: `buckets`, the folder with a folder for each bucket; `policy`, what the role may do with them; and
            `used`, the file that takes, line by line, the parts of the policy that were needed.
        arguments: of the command line.
    """
    policy = Policy.of(settings["policy"])
    try:
        if arguments[0] == "s3":
            _copy(policy, Path(settings["buckets"]), arguments)
        else:
            _call(*arguments)
    except RefusedError as error:
        print(error, file=sys.stderr)
        return REFUSED
    finally:
        with Path(settings["used"]).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(grant) + "\n" for grant in sorted(policy.used))
    return 0


def _copy(policy: Policy, buckets: Path, arguments: list[str]) -> None:
    """Copy a file to or from a bucket, or all files of a folder from one.

    Args:
        policy: what the role may do.
        buckets: the folder with a folder for each bucket.
        arguments: of the command line.

    Raises:
        RefusedError: S3 refuses that.
    """
    if not os.environ.get("AWS_DEFAULT_REGION"):
        raise RefusedError("You must specify a region")
    service, verb, *rest = arguments
    source, target = (one for one in rest if not one.startswith("--"))
    assert (service, verb) in {("s3", "cp"), ("s3", "sync")}
    if verb == "sync":
        bucket, _, prefix = source.removeprefix("s3://").partition("/")
        _need(policy, "s3:ListBucket", bucket)
        Path(target).mkdir(exist_ok=True)
        for path in sorted((buckets / bucket / prefix).iterdir()):
            _get(policy, buckets, f"{bucket}/{prefix}{path.name}", Path(target) / path.name)
    elif source.startswith("s3://"):
        _get(policy, buckets, source.removeprefix("s3://"), Path(target))
    else:
        name = target.removeprefix("s3://")
        _need(policy, "s3:PutObject", name)
        there = buckets / name / (Path(source).name if name.endswith("/") else "")
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, there)


def _get(policy: Policy, buckets: Path, name: str, target: Path) -> None:
    _need(policy, "s3:GetObject", name)
    if not (buckets / name).exists():
        raise RefusedError("An error occurred (404) when calling the HeadObject operation: Not Found")
    shutil.copy(buckets / name, target)


def _call(service: str, command: str, *arguments: str) -> None:
    """Hold the options of a command against the model of its operation.

    Raises:
        RefusedError: there is no such command, or it does not take them.
    """
    model = get_session().get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if command not in operations:
        raise RefusedError(f"aws: error: argument operation: Invalid choice: {command}")
    shape: Any = model.operation_model(operations[command]).input_shape
    names = {xform_name(name, "-"): name for name in shape.members}
    given: dict[str, Any] = {}
    for option, value in zip(arguments[::2], arguments[1::2], strict=True):
        text = Path(value.removeprefix("file://")).read_text(encoding="utf-8") if value.startswith("file://") else value
        if option == "--cli-input-json":
            given |= json.loads(text)
        elif (name := names.get(option.removeprefix("--"))) is None:
            raise RefusedError(f"Unknown options: {option}")
        else:
            given[name] = json.loads(text) if shape.members[name].type_name in {"structure", "list", "map"} else text
    for name in _COUNTS.get(operations[command], ()):  # `aws ec2 run-instances` has --count, with 1 as its default
        given.setdefault(name, 1)
    if report := ParamValidator().validate(given, shape).generate_report():
        raise RefusedError(report)


def _need(policy: Policy, action: str, name: str) -> None:
    if not policy.allows(AccessRequest(action, f"arn:aws:s3:::{name}")):
        raise RefusedError(f"An error occurred (AccessDenied): not authorized to perform: {action} on {name}")


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))
