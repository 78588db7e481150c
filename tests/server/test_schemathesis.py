"""Schemathesis believes /openapi.json and tries to prove it wrong.

`AUTOGLM_LITE_SCHEMATHESIS=10000` has it send at least so many requests, which takes some ten minutes; else it is a few
hundred.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autoglm_lite.server.guard import door
from tests.server.closed import KEY, behind
from tests.server.serving import serving

HERE = Path(__file__).parent
WANTED = int(os.environ.get("AUTOGLM_LITE_SCHEMATHESIS", "0"))
"""Requests at least; 0: few."""
FEW = ("--phases", "fuzzing", "--max-examples", "4")
MANY = ("--phases", "coverage,fuzzing", "--max-examples", "60")
N_CTX = 256


@pytest.mark.slow
def test_the_service_does_what_it_says_of_itself(model_files: dict[str, Path], tmp_path: Path) -> None:
    with serving(tmp_path / "kept", model_files, n_ctx=N_CTX, application=behind(door(KEY, []))) as running:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml", "run"),
                *(f"{running.url}/openapi.json", "--header", f"Authorization: Bearer {KEY}", "--no-color"),
                *(MANY if WANTED else FEW),
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(HERE.parent.parent)},
            capture_output=True,
            text=True,
        )
        metrics = running.http.get("/metrics", headers={"x-api-key": KEY}).text
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5000:]
    statuses = {
        int(status): float(count)
        for status, count in re.findall(r'^autoglm_lite_requests_total{.*status="(\d+)"} (\S+)$', metrics, re.MULTILINE)
    }
    assert max(statuses) < 500
    counted = sum(
        float(count) for count in re.findall(r"^autoglm_lite_requests_total{.*} (\S+)$", metrics, re.MULTILINE)
    )
    print(f"{counted:.0f} requests")
    assert counted >= max(WANTED, 100)
