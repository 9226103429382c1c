"""A self-signed certificate for 127.0.0.1 and localhost, made with the `openssl` command."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where a certificate and its key are; the certificate is its own authority."""

    certificate_path: Path
    key_path: Path


def make_certificate(folder: Path) -> Certificate:
    """Make a certificate that is valid for one day.

    Args:
        folder: where to put `endpoint.crt` and `endpoint.key`.

    Raises:
        subprocess.CalledProcessError: if openssl fails.
        FileNotFoundError: if there is no openssl.
    """
    made = Certificate(folder / "endpoint.crt", folder / "endpoint.key")
    key_arguments = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    files = ["-keyout", str(made.key_path), "-out", str(made.certificate_path)]
    subprocess.run(
        ["openssl", "req", "-x509", "-days", "1", *key_arguments, *subject, *files],
        check=True,
        capture_output=True,
    )
    return made
