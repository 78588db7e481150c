"""Schemathesis believes /openapi.json and tries to prove it wrong, in three minutes on two cores."""

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
WANTED = 10_000
"""Requests, at least."""
EXAMPLES = 60
"""Drawn at random for each route, beside those at the edges of its types."""
N_CTX = 256


@pytest.mark.slow
def test_the_service_does_what_it_says_of_itself(model_files: dict[str, Path], tmp_path: Path) -> None:
    with serving(tmp_path / "kept", model_files, n_ctx=N_CTX, application=behind(door(KEY, []))) as running:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml", "run"),
                *(f"{running.url}/openapi.json", "--header", f"Authorization: Bearer {KEY}", "--no-color"),
                *("--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "1"),
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(HERE.parent.parent)},
            capture_output=True,
            text=True,
        )
        metrics = running.http.get("/metrics", headers={"x-api-key": KEY}).text
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5000:]
    answered = re.findall(r'^autoglm_lite_requests_total{.*status="(\d+)"} (\S+)$', metrics, re.MULTILINE)
    assert max(int(status) for status, _ in answered) < 500
    assert sum(float(count) for _, count in answered) >= WANTED
