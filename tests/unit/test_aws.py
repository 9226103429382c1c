"""AWS's own settings as people get them wrong: each is a sentence, and none of them is a crash."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ingest_cli.aws import open_session
from ingest_cli.errors import ExitCode, IngestError, TableError
from ingest_cli.settings import Target
from ingest_cli.tables import Table

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
