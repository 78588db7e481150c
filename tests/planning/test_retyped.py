"""What is foreseen of a model in another type, beside what it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autoglm_lite.gguf import read_facts
from autoglm_lite.planning.memory import predict
from autoglm_lite.planning.plan import Plan
from autoglm_lite.planning.retyped import main_type, retyped
from tests.conftest import STORIES
from tests.planning.models import MB, QWEN_TENSORS

FEATURES = (frozenset({"avx2"}), frozenset({"dotprod"}), frozenset({"sse4.2"}))


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0"])
def test_it_will_take_what_the_file_of_that_type_takes(kind: str, stories_gguf: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.gguf"
    command = [sys.executable, "-m", "autoglm_lite", "convert", str(STORIES), "-o", str(path), "--type", kind]
    subprocess.run(command, check=True, capture_output=True)
    there, foreseen = read_facts(path), retyped(read_facts(stories_gguf), path.stat().st_size, kind)
    assert (foreseen.file_bytes, foreseen.file_type, foreseen.n_params) == (there.file_bytes, kind, there.n_params)
    assert foreseen.token_bytes == pytest.approx(there.token_bytes, rel=0.03)
    for features in FEATURES:
        for plan in (Plan("", n_ctx=128, threads=1, threads_batch=1), Plan("", 128, 1, 1, repack=False)):
            expected, found = (predict(facts, features, plan) for facts in (there, foreseen))
            assert found.resident_total == pytest.approx(expected.resident_total, rel=0.01)
            assert found.repacked == pytest.approx(expected.repacked, rel=0.1, abs=1000)


def test_the_output_matrix_has_a_better_type_and_the_file_its_size() -> None:
    found = retyped(QWEN_TENSORS, 824 * MB, "Q3_K_M")
    by_name = {tensor.name: tensor.type.name for tensor in found.tensors}
    assert by_name["token_embd.weight"] == "Q6_K"
    assert by_name["blk.3.ffn_up.weight"] == "Q3_K"
    assert by_name["output_norm.weight"] == "F32"
    assert found.tensor_bytes == pytest.approx(824 * MB - 6_000_000, rel=1e-4)
    assert set(found.matrix_bytes) == {"Q3_K", "Q6_K"}
    assert set(retyped(QWEN_TENSORS, 1600 * MB, "Q8_0").matrix_bytes) == {"Q8_0"}


def test_the_same_file_is_what_it_is_and_a_type_nobody_knows_is_scaled() -> None:
    assert retyped(QWEN_TENSORS, QWEN_TENSORS.file_bytes, "Q4_K_M") is QWEN_TENSORS
    half = retyped(QWEN_TENSORS, QWEN_TENSORS.file_bytes // 2, "I2_S")
    assert half.tensor_bytes == pytest.approx(QWEN_TENSORS.file_bytes // 2 - 6_000_000, rel=1e-4)
    assert set(half.matrix_bytes) == set(QWEN_TENSORS.matrix_bytes) | {"Q4_K", "Q6_K"}


def test_the_type_of_most_tensors() -> None:
    names = (
        "Q4_K_M",
        "Q4_K_L",
        "UD-Q5_K_XL",
        "Q6_K",
        "Q8_0",
        "IQ3_M",
        "IQ4_XS",
        "F16",
        "BF16",
        "Q4",
        "Q2_K",
        "MXFP4_MOE",
    )
    mains = ("Q4_K", "Q4_K", "Q5_K", "Q6_K", "Q8_0", "IQ3_S", "IQ4_XS", "F16", "BF16", "Q4_K", "Q2_K", "MXFP4")
    assert tuple(kind.name for kind in map(main_type, names) if kind) == mains
    assert main_type("I2_S") is None
