"""The IAM policies in `deploy/` allow what a role does, and nothing that it does not need, nor of other datasets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.account import DATASET, DEPLOY, ROLES, TABLE, Account, opened
from tests.e2e.harness import KID, REPOSITORY, small_dump

PERSON = "870513-10-4739"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with opened(tmp_path_factory.mktemp("account")) as found:
        yield found


@pytest.fixture(scope="module")
def loaded(account: Account) -> Account:
    """The account, once its loader has loaded."""
    done = account.run("loader", "load", account.folder / f"{DATASET}.toml", "--output", "json")
    assert (done.code, done.report["outcome"]) == (0, "complete"), (done, account.policies["loader"].refused)
    return account


def _used_up(account: Account, role: str) -> None:
    """Check that a role was refused nothing, and needed all that its policy grants."""
    policy = account.policies[role]
    assert (policy.refused, policy.unused) == ([], set())


def test_the_loader_s(loaded: Account) -> None:
    client = loaded.client("")
    key = {"pk": {"S": f"_lock#{DATASET}"}, "sk": {"S": "_"}}
    lock = {"token": {"S": "x"}, "expires": {"N": "99999999999"}, "since": {"S": "2026-11-30T06:00:00+00:00"}}
    holder = {"host": {"S": "elsewhere"}, "machine": {"S": "-"}, "pid": {"N": "1"}, "started": {"S": "-"}}
    client.put_item(TableName=TABLE, Item={**key, **lock, **holder})
    locked = loaded.run("loader", "load", loaded.folder / f"{DATASET}.toml", "--restart")
    client.delete_item(TableName=TABLE, Key=key)
    client.close()
    assert locked.code == 5
    _used_up(loaded, "loader")


def test_the_reader_s(loaded: Account) -> None:
    found = loaded.run("reader", "lookup", "--output", "json", stdin=f"{PERSON}\n")
    assert (found.code, found.report["breaches"][0]["dataset"]) == (0, DATASET)
    _used_up(loaded, "reader")


def test_the_verifier_s(loaded: Account) -> None:
    found = loaded.run("verifier", "verify", loaded.folder / f"{DATASET}.toml", "--output", "json")
    assert (found.code, found.report["outcome"]) == (0, "complete"), found
    _used_up(loaded, "verifier")


def test_the_operator_s(loaded: Account) -> None:
    """With the loader's, it also is what `load --scale-to --prune` needs."""
    scaling = loaded.client("", "application-autoscaling")
    scaling.register_scalable_target(
        ServiceNamespace="dynamodb",
        ResourceId=f"table/{TABLE}",
        ScalableDimension="dynamodb:table:WriteCapacityUnits",
        MinCapacity=5,
        MaxCapacity=200,
    )
    scaling.close()
    manifest = loaded.folder / f"{DATASET}.toml"
    loaded.change_dump()
    both = loaded.role("loader", "loader", "operator")
    done = loaded.run("loader", "load", manifest, "--scale-to", "200", "--prune", "--yes", "--output", "json")
    loaded.role("loader")
    assert (done.code, done.report["pruned"]["items"]["removed"]) == (0, 3), (done, both.refused)
    loaded.change_dump()
    assert loaded.run("loader", "load", manifest).code == 0
    operator = loaded.policies["operator"]
    for command in (
        ["status"],
        ["status", "--scan"],
        ["table", "describe"],
        ["table", "capacity", "--wcu", "300"],
        ["table", "restore"],
        ["prune", DATASET, "--yes"],
        ["prune", DATASET, "--all", "--yes"],
        ["table", "unlock", DATASET],
    ):
        done = loaded.run("operator", *command)
        assert done.code == 0, (command, done, operator.refused)
    assert operator.refused == both.refused == []
    assert operator.unused - both.used == set()


def _row(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": "_"}}


def _delete(pk: str) -> dict[str, Any]:
    return {"DeleteRequest": {"Key": _row(pk)}}


def _one(operation: str, pk: str) -> tuple[str, dict[str, Any]]:
    """A request about one row."""
    return operation, {"TableName": TABLE, "Item" if operation == "PutItem" else "Key": _row(pk)}


def _batch(*pks: str) -> tuple[str, dict[str, Any]]:
    return "BatchWriteItem", {"RequestItems": {TABLE: [_delete(pk) for pk in pks]}}


QUERY = {
    "TableName": TABLE,
    "KeyConditionExpression": "pk = :pk",
    "ExpressionAttributeValues": {":pk": {"S": f"{KID}.{'A' * 43}"}},
}
REFUSED: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "loader": [
        _one("DeleteItem", "_dataset#other-2019"),
        _one("PutItem", "_dataset#other-2019"),
        _one("GetItem", "_dataset#other-2019"),
        _one("DeleteItem", f"_dataset#{DATASET}"),
        _one("DeleteItem", "_lock#other-2019"),
        _one("PutItem", "_lock#other-2019"),
        _one("PutItem", "_run#other-2019"),
        _one("DeleteItem", "_run#other-2019"),
        _one("PutItem", "_datasets"),
        _one("DeleteItem", "_datasets"),
        _one("DeleteItem", f"_key#{KID}"),
        _one("PutItem", "_key#k2"),
        _one("PutItem", "_capacity"),
        _one("PutItem", f"{KID}.{'A' * 43}"),
        _one("GetItem", f"{KID}.{'A' * 43}"),
        _batch(f"_dataset#{DATASET}"),
        _batch(f"{KID}.{'A' * 43}", "_dataset#other-2019"),
        _batch("k2.x"),
        ("Scan", {"TableName": TABLE}),
        ("Query", QUERY),
        ("UpdateTable", {"TableName": TABLE, "BillingMode": "PAY_PER_REQUEST"}),
        ("DeleteTable", {"TableName": TABLE}),
    ],
    "reader": [
        ("Scan", {"TableName": TABLE}),
        ("Query", {**QUERY, "ExpressionAttributeValues": {":pk": {"S": "_lock#demo-small"}}}),
        _one("PutItem", f"_key#{KID}"),
        _batch(f"{KID}.{'A' * 43}"),
    ],
    "verifier": [
        ("Query", QUERY),
        _one("PutItem", f"_dataset#{DATASET}"),
        _batch(f"{KID}.{'A' * 43}"),
        ("UpdateTable", {"TableName": TABLE, "BillingMode": "PAY_PER_REQUEST"}),
    ],
    "operator": [
        _one("DeleteItem", "_dataset#other-2019"),
        _batch("_dataset#other-2019"),
        _one("GetItem", f"{KID}.{'A' * 43}"),
        ("Query", QUERY),
        ("DeleteTable", {"TableName": TABLE}),
    ],
}


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_may_not(account: Account, role: str) -> None:
    client = account.client(role)
    before = account.place.everything
    for operation, request in REFUSED[role]:
        method = "".join(f"_{one.lower()}" if one.isupper() else one for one in operation).lstrip("_")
        with pytest.raises(ClientError) as caught:
            getattr(client, method)(**request)
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException", (operation, request)
        assert f"dynamodb:{operation} on resource" in str(caught.value)
    client.close()
    assert account.place.everything == before


def test_a_dataset_of_another_name_is_refused_before_the_first_write(account: Account, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path, dataset="other-2019")
    before = account.place.everything
    refused = account.run("loader", "load", manifest)
    refused.complains(4, f'refuses to use the table "{TABLE}" (AccessDeniedException)', "policy")
    assert account.place.everything == before


@pytest.mark.parametrize("path", sorted(DEPLOY.glob("iam-*.json")), ids=lambda path: path.stem)
def test_a_policy_names_what_it_is_for(path: Path) -> None:
    policy = json.loads(path.read_text())
    assert policy["Version"] == "2012-10-17"
    statements = policy["Statement"]
    assert len({one["Sid"] for one in statements}) == len(statements)
    for statement in statements:
        assert statement["Effect"] == "Allow"
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert actions == sorted(actions)
        assert not any("*" in action for action in actions)
        conditions = statement.get("Condition", {})
        for name, keys in conditions.items():
            # ForAllValues is true for a request that has no such key, and Null: false is not.
            assert not name.startswith("ForAllValues:") or conditions["Null"] == dict.fromkeys(keys, "false")


def test_the_guide_shows_the_reader_s() -> None:
    text = (REPOSITORY / "docs" / "operators-guide.md").read_text()
    blocks = re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (shown,) = [json.loads(block) for block in blocks if '"AskTheTable"' in block]
    assert shown == json.loads((DEPLOY / "iam-reader.json").read_text())
