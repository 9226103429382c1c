"""What the benchmarks say a command costs covers all that came of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.bench import measure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted, and trees sampled, on Linux only")

BURN = "import time\nwhile time.process_time() < {}: pass\n"
ORPHAN = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {BURN.format(0.3)!r}])
"""
PAIR = """
import subprocess, sys
held = "import sys; held = bytearray(range(256)) * (40 << 12); print(flush=True); sys.stdin.read()"
child = subprocess.Popen([sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
held = bytearray(range(256)) * (40 << 12)
import time
time.sleep(1)
child.stdin.close()
child.wait()
"""


def cost(folder: Path, code: str, *, sample_memory: bool = False) -> measure.Cost:
    return measure.run([sys.executable, "-c", code], dict(os.environ), folder, sample_memory=sample_memory)


def test_the_time_of_a_child_that_nobody_waited_for_is_counted(tmp_path: Path) -> None:
    """It spends what it is told to, however fast the machine is, and ends after the command did."""
    assert cost(tmp_path, ORPHAN).cpu_s >= 0.3


def test_the_memory_of_a_tree_is_that_of_all_its_processes(tmp_path: Path) -> None:
    seen = cost(tmp_path, PAIR, sample_memory=True)
    assert seen.processes == 2
    assert seen.peak_tree_bytes > 80 << 20  # 40 MiB in each
    assert 40 << 20 < seen.peak_rss_bytes < 80 << 20


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(measure.CommandFailedError, match="ended with 3: no such luck"):
        cost(tmp_path, "import sys; sys.stderr.write('no such luck'); sys.exit(3)")
