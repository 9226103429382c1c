from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import os
import pickle
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode
from moto import mock_aws

from ingest_cli.errors import ExitCode, KeyRefusedError
from ingest_cli.model.key_references import KMS_CONTEXT, KeyReference, read_pepper
from ingest_cli.model.keys import Pepper, ephemeral_pepper, generate_pepper, write_pepper_file

if TYPE_CHECKING:
    from collections.abc import Iterator

VECTORS = json.loads((Path(__file__).parents[2] / "support" / "key_vectors.json").read_text("utf-8"))
SECRET_HEX = VECTORS["pepper_hex"]
LINE = f"k1:{SECRET_HEX}\n"
PEPPER = Pepper("k1", bytes.fromhex(SECRET_HEX))
ARN = "arn:aws:secretsmanager:ap-southeast-1:123456789012:secret:pepper-AbCdEf"
KMS_KEY = "arn:aws:kms:ap-southeast-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def rfc2104(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 as RFC 2104 §2 writes it down, so that the code under test has an oracle of its own."""
    key = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).digest()


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def refusal(reference: str, session: Any = None) -> str:
    with pytest.raises(KeyRefusedError) as caught:
        read_pepper(reference, session)
    assert caught.value.exit_code is ExitCode.USAGE
    assert_no_secret_in(caught.value)
    return str(caught.value)


def assert_no_secret_in(error: BaseException | None) -> None:
    while error is not None:
        assert SECRET_HEX[:12] not in repr(error) + str(vars(error))
        error = error.__context__


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "pepper"
    path.write_text(LINE)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(("key", "message", "expected"), [
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (
        b"Jefe", b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (
        b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
])  # fmt: skip
def test_the_oracle_agrees_with_rfc_4231(key: bytes, message: bytes, expected: str) -> None:
    assert rfc2104(key, message).hex() == expected


@pytest.mark.parametrize(("class_", "expected"), VECTORS["subkeys"].items())
def test_subkeys(class_: str, expected: str) -> None:
    assert PEPPER.subkey(class_).hex() == expected
    message = b"\0\0\0\1ingest-cli:v1:" + class_.encode() + b"\0k1\0\0\1\0"
    assert rfc2104(PEPPER.secret, message).hex() == expected


@pytest.mark.parametrize("class_", [*VECTORS["subkeys"], "future_class"])
def test_subkeys_are_those_of_sp_800_108(class_: str) -> None:
    pepper = generate_pepper("k2024")
    kdf = KBKDFHMAC(
        SHA256(), Mode.CounterMode, length=32, rlen=4, llen=4, location=CounterLocation.BeforeFixed,
        label=f"ingest-cli:v1:{class_}".encode(), context=b"k2024", fixed=None,
    )  # fmt: skip
    assert kdf.derive(pepper.secret) == pepper.subkey(class_)


@pytest.mark.parametrize("class_", ["", "id\0k1", "idé"])
def test_a_class_that_would_make_the_label_ambiguous_is_refused(class_: str) -> None:
    with pytest.raises(ValueError, match="named in ASCII"):
        PEPPER.subkey(class_)


def test_key_check_value() -> None:
    assert PEPPER.check_value == VECTORS["key_check_value"]
    assert PEPPER.check_value == rfc2104(PEPPER.secret, b"ingest-cli:v1:kcv")[:4].hex()


@pytest.mark.parametrize("vector", VECTORS["identifiers"], ids=lambda vector: vector["kind"])
def test_partition_keys_follow_from_the_subkeys(vector: dict[str, str]) -> None:
    tag = hmac.digest(PEPPER.subkey(vector["kind"]), vector["canonical"].encode(), "sha256")
    assert f"{PEPPER.kid}.{base64url(tag)}" == vector["pk"]


def test_sort_keys_follow_from_the_record_subkey() -> None:
    vector = VECTORS["record"]
    identifiers = sorted({(class_, canonical) for class_, canonical in vector["identifiers"]})
    record = b"".join(f"{class_}\0{canonical}\0".encode() for class_, canonical in identifiers)
    record += b"\1" + b"".join(f"{name}\0".encode() for name in sorted(set(vector["classes"])))
    assert record.hex() == vector["record_bytes_hex"]
    canonicals = dict(vector["identifiers"])
    for item in vector["items"]:
        own = f"{item['kind']}\0{canonicals[item['kind']]}\0\2".encode()
        tag = base64url(hmac.digest(PEPPER.subkey("record"), own + record, "sha256")[:12])
        assert f"{vector['dataset']}#{tag}" == item["sk"]


def test_a_pepper_hides_its_secret_and_travels_to_workers() -> None:
    assert repr(PEPPER) == str(PEPPER) == f"{PEPPER}" == "Pepper(kid='k1')"
    assert not hasattr(PEPPER, "__dict__")
    with pytest.raises(AttributeError):
        PEPPER.kid = "k2"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(PEPPER)) == PEPPER  # noqa: S301 - pickled on this line


@pytest.mark.parametrize(("kid", "secret", "expected"), [
    ("", PEPPER.secret, "a key id is 1 to 8"),
    ("ninechars", PEPPER.secret, "a key id is 1 to 8"),
    ("K1", PEPPER.secret, "a key id is 1 to 8"),
    ("k1\n", PEPPER.secret, "a key id is 1 to 8"),
    ("k1", PEPPER.secret[:31], "has 32 bytes"),
    ("k1", PEPPER.secret + b"x", "has 32 bytes"),
    ("k1", bytes(32), "all zeros"),
    ("k1", b"\xab" * 32, "one byte repeated"),
])  # fmt: skip
def test_a_weak_pepper_cannot_be_made(kid: str, secret: bytes, expected: str) -> None:
    with pytest.raises(KeyRefusedError, match=expected):
        Pepper(kid, secret)


def test_generated_peppers_differ() -> None:
    peppers = [generate_pepper("k9"), generate_pepper("k9"), ephemeral_pepper(), ephemeral_pepper()]
    assert [pepper.kid for pepper in peppers] == ["k9", "k9", "tmp", "tmp"]
    assert len({pepper.secret for pepper in peppers}) == 4


@pytest.mark.parametrize(("text", "scheme", "target"), [
    ("file:/etc/pepper", "file", "/etc/pepper"),
    ("file:a:b", "file", "a:b"),
    ("env:PEPPER_1", "env", "PEPPER_1"),
    ("kms:pepper.kms", "kms", "pepper.kms"),
    (f"kms:pepper,1.kms,key={KMS_KEY}", "kms", f"pepper,1.kms,key={KMS_KEY}"),
    (f"secretsmanager:{ARN}", "secretsmanager", ARN),
])  # fmt: skip
def test_references(text: str, scheme: str, target: str) -> None:
    reference = KeyReference.parse(text)
    assert reference == KeyReference(scheme, target)
    assert str(reference) == text


@pytest.mark.parametrize("text", [
    LINE.strip(), LINE, SECRET_HEX, SECRET_HEX.upper(), f" {SECRET_HEX}", f"K-1: {SECRET_HEX[:40]}",
    f"env:{SECRET_HEX}", f"file:{LINE}", f"kms:{SECRET_HEX}",
])  # fmt: skip
def test_the_key_itself_is_no_reference_and_not_repeated(text: str) -> None:
    assert "looks like the key itself" in refusal(text)


@pytest.mark.parametrize(("text", "expected"), [
    ("", "a key is given by reference, as file:PATH, env:NAME"),
    ("/etc/pepper", "a key is given by reference"),
    ("k1:00010203040z", "a key is given by reference"),
    ("File:/etc/pepper", "did you mean `file:`?"),
    ("secretmanager:x", "did you mean `secretsmanager:`?"),
    ("file:", "nothing usable follows `file:`"),
    ("file:a\0b", "nothing usable follows `file:`"),
    ("file:a\u202eb", "nothing usable follows `file:`"),
    ("env:1X", "not the name of an environment variable"),
    ("env:k1:00010203040z", "not the name of an environment variable"),
    ("secretsmanager:pepper", "not the ARN of a secret"),
    (f"secretsmanager:{ARN.replace('secretsmanager', 'kms')}", "not the ARN of a secret"),
    ("kms:pepper.kms,key=alias/pepper", "is not the ARN of a KMS key, like kms:PATH,key=arn:aws:kms:REGION"),
    (f"kms:,key={KMS_KEY}", "is not the ARN of a KMS key"),
    (f"kms:pepper.kms,key={KMS_KEY.replace('key/', 'alias/')}", "is not the ARN of a KMS key"),
])  # fmt: skip
def test_what_is_no_reference(text: str, expected: str) -> None:
    message = refusal(text)
    assert expected in message
    assert "00010203040z" not in message


@pytest.mark.parametrize("content", [LINE, LINE.strip(), LINE.replace("\n", "\r\n"), LINE.upper().lower()])
def test_a_key_file(key_file: Path, content: str) -> None:
    key_file.write_bytes(content.encode())
    assert read_pepper(f"file:{key_file}") == PEPPER


def test_upper_case_digits_are_the_same_key(key_file: Path) -> None:
    key_file.write_text(f"k1:{SECRET_HEX.upper()}")
    assert read_pepper(f"file:{key_file}") == PEPPER


def test_a_key_file_in_the_home_folder(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(key_file.parent))
    assert read_pepper("file:~/pepper") == PEPPER


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o666, 0o777])
def test_a_key_file_open_to_others_is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    assert f"run `chmod 600 {key_file}`" in refusal(f"file:{key_file}")


def test_the_advice_can_be_pasted(tmp_path: Path) -> None:
    path = tmp_path / "my pepper"
    path.write_text(LINE)
    path.chmod(0o644)
    assert f"run `chmod 600 '{path}'`" in refusal(f"file:{path}")


def test_files_that_cannot_hold_a_key(tmp_path: Path, key_file: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "No such file" in refusal(f"file:{tmp_path}/none")
    assert "not a regular file" in refusal(f"file:{tmp_path}")
    assert "not a regular file" in refusal(f"file:{tmp_path}/pipe")
    assert "cannot be read" in refusal("file:~nobody-of-this-name/pepper")
    key_file.write_text("x" * 8193)
    assert "too large for a key" in refusal(f"file:{key_file}")


@pytest.mark.parametrize(("content", "expected"), [
    (b"", "is empty"),
    (b" \n", "is empty"),
    (LINE.encode() * 2, "holds several lines"),
    (SECRET_HEX.encode(), "holds no key id"),
    (f":{SECRET_HEX}".encode(), "key id in file:"),
    (f"K1:{SECRET_HEX}".encode(), "key id in file:"),
    (f"ninechars:{SECRET_HEX}".encode(), "key id in file:"),
    (f"\ufeffk1:{SECRET_HEX}".encode(), "key id in file:"),
    (f"k1: {SECRET_HEX}".encode(), "not in hex digits"),
    (f"k1:{SECRET_HEX[:-1]}z".encode(), "not in hex digits"),
    (f"k1:{SECRET_HEX}:".encode(), "not in hex digits"),
    (b"k1:" + b"\xff" * 64, "not in hex digits"),
    (f"k1:{SECRET_HEX[:-2]}".encode(), "has 62 hex digits and not 64: it is under 32 bytes"),
    (f"k1:{SECRET_HEX}0".encode(), "has 65 hex digits and not 64: it is over 32 bytes"),
    (b"k1:", "has 0 hex digits"),
    (b"k1:" + b"0" * 64, "all zeros"),
    (b"k1:" + b"ab" * 32, "one byte repeated"),
])  # fmt: skip
def test_lines_that_are_no_key(key_file: Path, content: bytes, expected: str) -> None:
    key_file.write_bytes(content)
    assert expected in refusal(f"file:{key_file}")


def test_a_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEPPER", LINE)
    assert read_pepper("env:PEPPER") == PEPPER
    monkeypatch.setenv("PEPPER", "\udcff")
    assert "holds no key id" in refusal("env:PEPPER")
    monkeypatch.setenv("PEPPER", "")
    assert "env:PEPPER is empty" in refusal("env:PEPPER")
    monkeypatch.delenv("PEPPER")
    assert "environment variable PEPPER is not set" in refusal("env:PEPPER")


def test_a_written_key_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    path, pepper = tmp_path / "pepper", generate_pepper("k7")
    before = os.umask(0o277)
    try:
        write_pepper_file(path, pepper)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == pepper.line() == f"k7:{pepper.secret.hex()}\n"
    assert read_pepper(f"file:{path}") == pepper


def test_a_written_key_is_on_the_disk_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    write_pepper_file(tmp_path / "pepper", PEPPER)
    assert synced == [(tmp_path / "pepper").stat().st_ino, tmp_path.stat().st_ino]


def test_a_key_is_never_overwritten(key_file: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in (key_file, tmp_path / "link"):
        with pytest.raises(KeyRefusedError, match="exists and is not overwritten"):
            write_pepper_file(path, generate_pepper("k2"))
    assert key_file.read_text() == LINE
    assert not (tmp_path / "elsewhere").exists()


def test_a_key_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyRefusedError, match="No such file"):
        write_pepper_file(tmp_path / "none" / "pepper", PEPPER)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyRefusedError, match="No space left on device") as caught:
        write_pepper_file(tmp_path / "pepper", PEPPER)
    assert_no_secret_in(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with mock_aws():
        yield boto3.Session("testing", "testing", region_name="ap-southeast-1")


def test_a_key_in_secrets_manager(aws: boto3.Session, caplog: pytest.LogCaptureFixture) -> None:
    client: Any = aws.client("secretsmanager", region_name="eu-west-1")
    arn = client.create_secret(Name="pepper", SecretString=LINE)["ARN"]
    caplog.set_level(logging.DEBUG)
    assert read_pepper(f"secretsmanager:{arn}", aws) == PEPPER  # in the region of the ARN, not the session's
    assert "botocore" in {record.name.partition(".")[0] for record in caplog.records}
    assert SECRET_HEX not in caplog.text
    assert not logging.getLogger("botocore.parsers").disabled


def test_what_secrets_manager_may_answer_instead(aws: boto3.Session) -> None:
    client: Any = aws.client("secretsmanager")
    binary = client.create_secret(Name="binary", SecretBinary=LINE.encode())["ARN"]
    assert "holds no SecretString" in refusal(f"secretsmanager:{binary}", aws)
    text = client.create_secret(Name="json", SecretString=json.dumps({"key": LINE}))["ARN"]
    assert "is not 1 to 8" in refusal(f"secretsmanager:{text}", aws)
    assert "AWS answered ResourceNotFoundException" in refusal(f"secretsmanager:{ARN}", aws)


def test_a_secret_that_is_not_unicode_is_refused_like_any_other() -> None:
    class Session:
        def client(self, *_: object, **__: object) -> Session:
            return self

        def get_secret_value(self, **_: object) -> dict[str, str]:
            return {"SecretString": LINE.strip() + "\ud800"}  # JSON can spell half a surrogate pair

    assert "not in hex digits" in refusal(f"secretsmanager:{ARN}", Session())


@pytest.mark.parametrize("encode", [bytes, base64.b64encode, base64.encodebytes])
def test_a_key_encrypted_with_kms(aws: boto3.Session, tmp_path: Path, encode: Any) -> None:
    client: Any = aws.client("kms", region_name="eu-west-1")
    key = client.create_key()["KeyMetadata"]["Arn"]
    encrypted = client.encrypt(KeyId=key, Plaintext=LINE.encode(), EncryptionContext=KMS_CONTEXT)
    path = tmp_path / "pepper.kms"
    path.write_bytes(encode(encrypted["CiphertextBlob"]))
    path.chmod(0o644)  # nothing in it that anyone could use
    assert read_pepper(f"kms:{path},key={key}", aws) == PEPPER  # in the region of the key, not the session's


def test_a_key_encrypted_with_kms_that_is_not_pinned(aws: boto3.Session, tmp_path: Path) -> None:
    client: Any = aws.client("kms")
    encrypted = client.encrypt(KeyId=client.create_key()["KeyMetadata"]["Arn"], Plaintext=LINE.encode())
    path = tmp_path / "pepper.kms"
    path.write_bytes(encrypted["CiphertextBlob"])
    assert read_pepper(f"kms:{path}", aws) == PEPPER
    assert not KeyReference.parse(f"kms:{path}").is_pinned
    assert KeyReference.parse(f"kms:{path},key={KMS_KEY}").is_pinned
    assert KeyReference.parse(f"file:{path}").is_pinned


def test_what_kms_may_answer_instead(aws: boto3.Session, tmp_path: Path) -> None:
    path = tmp_path / "pepper.kms"
    assert "No such file" in refusal(f"kms:{path},key={KMS_KEY}", aws)
    path.write_bytes(b"")
    assert "is empty" in refusal(f"kms:{path},key={KMS_KEY}", aws)
    path.write_bytes(os.urandom(32) + b"no ciphertext of ours" * 8)
    message = refusal(f"kms:{path},key={KMS_KEY}", aws)
    assert message.endswith("Exception")
    assert "AWS answered " in message


class Kms:
    """A session and its client for KMS, which answer as they were told."""

    def __init__(self, answer: dict[str, Any] | ClientError) -> None:
        self.answer = answer
        self.asked: dict[str, Any] = {}

    def client(self, *_: object, **_named: object) -> Kms:
        return self

    def decrypt(self, **request: Any) -> dict[str, Any]:
        self.asked = request
        if isinstance(self.answer, ClientError):
            raise self.answer
        return self.answer


def test_the_key_and_the_purpose_of_a_ciphertext_are_pinned(tmp_path: Path) -> None:
    path = tmp_path / "pepper.kms"
    path.write_bytes(b"\x01\x02")
    kms = Kms({"Plaintext": LINE.encode(), "KeyId": KMS_KEY})
    assert read_pepper(f"kms:{path},key={KMS_KEY}", cast("Any", kms)) == PEPPER
    assert kms.asked == {
        "CiphertextBlob": b"\x01\x02",
        "KeyId": KMS_KEY,
        "EncryptionContext": {"purpose": "ingest-cli-pepper"},
    }


def test_a_ciphertext_made_with_another_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pepper.kms"
    path.write_bytes(b"\x01\x02")
    other = Kms({"Plaintext": LINE.encode(), "KeyId": KMS_KEY.replace("1234", "4321")})
    assert "used another KMS key than that" in refusal(f"kms:{path},key={KMS_KEY}", other)
    wrong = Kms(ClientError({"Error": {"Code": "InvalidCiphertextException"}}, "Decrypt"))
    message = refusal(f"kms:{path},key={KMS_KEY}", wrong)
    assert "not with the encryption context purpose=ingest-cli-pepper" in message


@pytest.mark.usefixtures("aws")
def test_a_profile_that_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pepper.kms"
    path.write_bytes(b"\x01\x02")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "the call to AWS failed with ProfileNotFound" in refusal(f"kms:{path},key={KMS_KEY}")
