"""Niceness of a process with several threads, with the rights of an ordinary user."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, json, os, threading, time
from pathlib import Path
from autoglm_lite.worker.priority import AUTOGROUP, Priority

if os.getuid() == 0:
    os.setuid(65534)
    # PR_SET_DUMPABLE: without it the files of /proc/self stay the administrator's.
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
stop = threading.Event()
thread = threading.Thread(target=stop.wait)
thread.start()
tids = [int(path.name) for path in Path("/proc/self/task").iterdir()]
seen, priority = [], Priority()
for nice in (3, 5, 0):
    priority.lower(nice)
    # The kernel takes one new niceness of a session in a tenth of a second.
    time.sleep(0.15)
    session = AUTOGROUP.read_text().split()[-1] if AUTOGROUP.exists() else None
    seen.append([[os.getpriority(os.PRIO_PROCESS, tid) for tid in tids], session])
stop.set()
print(json.dumps(seen))
"""


@pytest.mark.skipif(not hasattr(os, "setpriority") or sys.platform != "linux", reason="threads of Linux")
def test_an_ordinary_user_can_lower_a_priority_and_raise_that_of_the_session_again() -> None:
    command = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{SCRIPT}"]
    run = subprocess.run(command, capture_output=True, text=True, start_new_session=True)
    assert run.returncode == 0, run.stderr
    given = os.getpriority(os.PRIO_PROCESS, 0)
    (three, session), (five, _), (back, session_back) = json.loads(run.stdout)
    assert (three, five) == ([given + 3] * 2, [given + 5] * 2)
    # Unless the user was given the right to (RLIMIT_NICE), the threads stay where they are.
    assert back in ([given] * 2, [given + 5] * 2)
    if session is not None:
        assert (session, session_back) == ("3", "0")
