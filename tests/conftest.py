"""No test sees the machine it runs on: not its AWS account, settings, proxies or home directory."""

from __future__ import annotations

import os
import signal
import tempfile

import pytest
from hypothesis import settings

from tests.support import retry_alone

# Time limits are off everywhere: how long an example takes says more about the machine than about the code.
# "ci" draws the same examples in every run, so that a red run is red again; "torture" looks for new ones.
settings.register_profile("ci", derandomize=True, deadline=None, database=None, print_blob=True)
settings.register_profile("torture", max_examples=5_000, deadline=None, print_blob=True)
settings.load_profile("ci")  # `--hypothesis-profile torture` is applied after this line

os.environ["OPENPYXL_LXML"] = "False"  # the bytes of a workbook do not depend on whether lxml is installed

SCRUBBED_PREFIXES = ("AWS_", "BOTO_", "INGEST_")
# A proxy would stand between a test and its server on the loopback interface.
SCRUBBED_NAMES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})

LONGEST_FIRST = ("test_million", "tests/fault/", "tests/e2e/", "tests/support_tests/", "tests/property/")
"""Parts of the names of files, by the time these take; all others, mostly of seconds, fill the gaps at the end."""


def pytest_configure(config: pytest.Config) -> None:
    """Clean the environment before the first test module is imported, and put it back at the very end."""
    retry_alone.register(config)
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    for name in list(os.environ):
        if name.startswith(SCRUBBED_PREFIXES) or name.upper() in SCRUBBED_NAMES:
            patch.delenv(name)
    home = tempfile.TemporaryDirectory(prefix="ingest-cli-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(home.cleanup)
    patch.setenv("HOME", home.name)
    for variable, folder in (
        ("XDG_CACHE_HOME", ".cache"),
        ("XDG_CONFIG_HOME", ".config"),
        ("XDG_STATE_HOME", ".local/state"),
    ):
        patch.setenv(variable, os.path.join(home.name, folder))  # noqa: PTH118 - an environment holds strings
    # Without this, a client that finds no credentials asks 169.254.169.254 and waits for the answer.
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # What `nohup make test` ignores is ignored by all that is started, unlike what is handled.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda _number, _frame: None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as what a shell without job control starts with `&`
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no worker is left alone with one of them at the end.

    xdist keeps to this order with `--no-loadscope-reorder`, as `make test` has it: files are handed out from the first
    to the last, each to the worker that is free.
    """
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    return next((turn for turn, part in enumerate(LONGEST_FIRST) if part in item.nodeid), len(LONGEST_FIRST))
