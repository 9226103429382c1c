"""What is said of AWS's settings as people get them wrong, of the errors of botocore, and the proxy it goes through."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    ReadTimeoutError,
    UnauthorizedSSOTokenError,
)

from ingest_cli.aws.service_errors import sentences
from ingest_cli.aws.session import open_session, proxy_for
from ingest_cli.aws.table import Table
from ingest_cli.errors import BusyError, ExitCode, IngestError, TableError, TryAgainError, UnreachableError
from ingest_cli.model.settings import Target

TARGET = Target("people")
URL = "https://dynamodb.us-east-1.amazonaws.com"


def refused(operation: str, code: str = "AccessDenied", message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    "fault",
    [
        *(
            refused(name, code)
            for name in ("AssumeRole", "GetRoleCredentials")
            for code in ("AccessDenied", "Throttling")
        ),
        refused("CreateToken", "InvalidGrantException"),
        refused("AssumeRoleWithWebIdentity", "ExpiredTokenException"),
        RuntimeError("Credentials were refreshed, but the refreshed credentials are still expired."),
        EndpointConnectionError(endpoint_url="https://sts.us-east-1.amazonaws.com/"),
        ReadTimeoutError(endpoint_url="https://portal.sso.us-east-1.amazonaws.com/federation"),
        CredentialRetrievalError(provider="test", error_msg="the role is gone"),
        UnauthorizedSSOTokenError(),
    ],
    ids=repr,
)
@pytest.mark.parametrize("passed", [(), (ClientError,)])
def test_a_refused_renewal_is_no_refusal_of_the_table(fault: Exception, passed: tuple[type[Exception], ...]) -> None:
    with pytest.raises(TryAgainError, match="cannot be renewed"), sentences(TARGET, *passed):
        raise fault


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (refused("DescribeTable"), TableError),
        (refused("PutItem", "ExpiredTokenException"), TryAgainError),
        (refused("PutItem", "InvalidSignatureException", "Signature expired: 1 is now earlier than 2"), BusyError),
        (refused("PutItem", "InvalidSignatureException", "does not match"), TableError),
        (refused("PutItem", "RequestExpired"), BusyError),
        (EndpointConnectionError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com/"), UnreachableError),
        (ReadTimeoutError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com/"), BusyError),
        (RuntimeError("something else"), RuntimeError),
    ],
    ids=repr,
)
def test_what_concerns_the_table_is_told_as_such(fault: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught, sentences(TARGET):
        raise fault
    assert type(caught.value) is kind
    assert "cannot be renewed" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        ({"https_proxy": "proxy.example:3128"}, "http://proxy.example:3128"),
        ({"HTTPS_PROXY": "http://proxy.example"}, "http://proxy.example:80"),
        ({"HTTPS_PROXY": "https://proxy.example/"}, "https://proxy.example:443/"),
        ({"HTTPS_PROXY": "http://me:p%40ss@proxy.example:1"}, "http://me:p%40ss@proxy.example:1"),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTP_PROXY": "http://proxy.example:3128"}, None),
        ({"ALL_PROXY": "http://proxy.example:3128", "all_proxy": "http://proxy.example:3128"}, None),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": ".amazonaws.com"}, None),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "no_proxy": "*"}, None),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "10.0.0.0/8"}, "http://proxy.example:3128"),
    ],
)
def test_the_proxy_is_that_of_botocore(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], proxy: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(URL) == proxy


PRINTS = f"credential_process = {sys.executable} -c "


@pytest.mark.parametrize(
    ("config", "words", "code"),
    [
        ("[default", r"cannot be read \(ConfigParseError\); check", ExitCode.USAGE),
        ("[default]\naws_access_key_id = half", r"cannot be read \(PartialCredentialsError\)", ExitCode.USAGE),
        ("[default]\nrole_arn = arn:aws:iam::123456789012:role/x", "PartialCredentialsError", ExitCode.USAGE),
        ("[default]\ncredential_process = /nowhere/to/be/found", "FileNotFoundError", ExitCode.USAGE),
        (f"[default]\n{PRINTS} 'print(1, 2)'", "JSONDecodeError", ExitCode.USAGE),
        (f"[default]\n{PRINTS} 'raise SystemExit(1)'", "cannot be renewed; renew them", ExitCode.TRY_AGAIN),
    ],
    ids=["no INI", "half", "role of nobody", "no process", "no JSON", "process that fails"],
)
def test_settings_that_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, words: str, code: ExitCode
) -> None:
    (tmp_path / "config").write_text(config, encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(IngestError, match=words) as caught:
        open_session(Target("people"))
    assert caught.value.exit_code is code
    assert "\n" not in str(caught.value)


def test_a_web_identity_without_its_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/x")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    table = Table(Target("people", "us-east-1"))
    with pytest.raises(TableError, match=r"DynamoDB cannot be used \(FileNotFoundError\); check the AWS settings"):
        table.describe()
    table.client.close()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("t", 'no table of the name "t": check --table'),
        ("arn:aws:dynamodb:us-east-1:123456789012:table/t", "check --table; a name has 3 to 255"),
        ("people", "check --table, and the length of the texts in the manifest"),
    ],
)
def test_a_request_that_is_not_valid_is_told_by_what_can_be_wrong(table: str, said: str) -> None:
    with pytest.raises(TableError, match=said) as raised, sentences(Target(table)):
        raise refused("DescribeTable", "ValidationException", "1 validation error detected")
    assert ("manifest" in str(raised.value)) == (table == "people")
