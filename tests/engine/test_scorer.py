"""Perplexity and divergence against what llama-perplexity printed (tests/data/imatrix/README.md)."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.engine import kept
from autoglm_lite.engine.distribution import compare, encode, negative_log_likelihood
from autoglm_lite.engine.evaluation import log_softmax
from autoglm_lite.engine.reader import Stop
from autoglm_lite.engine.scorer import Scorer
from autoglm_lite.errors import AutoglmError, LoadError, UsageError
from autoglm_lite.measurement import BaseUse, ChunkScores, Scored, Scores
from autoglm_lite.planning.plan import Plan
from tests.engine.forward import as_f32
from tests.gguf.tiny import gemma3, llama, strings

TEXT = (Path(__file__).parents[1] / "data" / "imatrix" / "text.txt").read_text(encoding="utf-8").removesuffix("\n")


def score(
    scorer: Scorer, model: Path, folder: Path, base: BaseUse = "none", first: int = 0
) -> tuple[list[ChunkScores], Scored]:
    plan = Plan(str(model), 128, threads=1, threads_batch=1)
    events = list(scorer.score(plan, TEXT, Stop(), first_chunk=first, base=base, folder=folder))
    last = events[-1]
    assert isinstance(last, Scored)
    return [event for event in events if isinstance(event, ChunkScores)], last


def joined(chunks: Sequence[ChunkScores]) -> Scores:
    scores = Scores()
    for chunk in chunks:
        scores.add(chunk)
    return scores


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return as_f32(llama()).write(tmp_path / "base.gguf")


@pytest.fixture
def quantised(tmp_path: Path) -> Path:
    return llama().write(tmp_path / "quantised.gguf")


def test_perplexity_is_llama_cpp_s(base: Path, tmp_path: Path) -> None:
    chunks, end = score(Scorer(), base, tmp_path)
    scores = joined(chunks)
    found = scores.perplexity()
    assert found.value == pytest.approx(648.2936, rel=2e-3)
    assert found.error == pytest.approx(70.36620, rel=5e-3)
    assert (scores.n_tokens, scores.n_chunks, end) == (3 * 63, 3, Scored(3, 3))
    assert math.exp(scores.mean_nll) == pytest.approx(found.value)


def test_divergence_is_llama_cpp_s(base: Path, quantised: Path, tmp_path: Path) -> None:
    scorer = Scorer()
    score(scorer, base, tmp_path, "keep")
    scores = joined(score(scorer, quantised, tmp_path, "compare")[0])
    found = scores.divergence()
    assert scores.perplexity().value == pytest.approx(647.065564, rel=3e-3)
    assert found.base_perplexity == pytest.approx(648.294160, rel=3e-3)
    assert found.ratio == pytest.approx(0.998105, rel=3e-3)
    assert found.ratio_error == pytest.approx(0.008161, rel=0.05)
    assert found.mean_kld == pytest.approx(0.006414, rel=0.05)
    assert found.mean_kld_error == pytest.approx(0.001008, rel=0.1)
    assert found.median_kld == pytest.approx(0.001924, rel=0.1)
    assert found.kld_99 == pytest.approx(0.076069, rel=0.1)
    assert found.max_kld == pytest.approx(0.126750, rel=0.1)
    assert found.same_top == pytest.approx(0.92593, abs=0.011)
    assert found.same_top_error == pytest.approx(0.01910, rel=0.1)
    assert found.rms_delta_p == pytest.approx(0.00084, rel=0.1)
    assert scores.mean_kld == pytest.approx(found.mean_kld)


def test_a_model_does_not_diverge_from_itself(base: Path, tmp_path: Path) -> None:
    scorer = Scorer()
    score(scorer, base, tmp_path, "keep")
    found = joined(score(scorer, base, tmp_path, "compare")[0]).divergence()
    # What is left is the rounding of the kept values to 16 bits.
    assert abs(found.max_kld) < 1e-4
    assert found.same_top == 1
    assert found.ratio == pytest.approx(1, abs=1e-4)


def test_groups_of_chunks_give_the_same(
    base: Path, quantised: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for one chunk, base and model take turns."""
    scorer = Scorer()
    score(scorer, base, tmp_path, "keep")
    together, _ = score(scorer, quantised, tmp_path, "compare")
    monkeypatch.setattr(kept, "KEPT_BYTES", 63 * (8 + 2 * 271))
    alone = []
    for i in range(3):
        assert score(scorer, base, tmp_path, "keep", i)[1] == Scored(i + 1, 3)
        chunks, end = score(scorer, quantised, tmp_path, "compare", i)
        assert end == Scored(i + 1, 3)
        alone += chunks
    assert alone == together


def test_small_batches_give_the_same(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = joined(score(Scorer(), base, tmp_path)[0])
    monkeypatch.setattr("autoglm_lite.engine.reader.LOGITS_BYTES", 4 * 271 * 30)
    monkeypatch.setattr("autoglm_lite.engine.scorer.BLOCK_VALUES", 271 * 7)
    parts = joined(score(Scorer(), base, tmp_path)[0])
    assert parts.n_tokens == whole.n_tokens
    assert parts.perplexity().value == pytest.approx(whole.perplexity().value, rel=2e-3)


def test_nothing_is_left_in_the_folder(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    scorer = Scorer()
    score(scorer, base, folder, "keep")
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(AutoglmError, match="stopped"):
        stopped(scorer, base, folder)


def stopped(scorer: Scorer, base: Path, folder: Path) -> None:
    stop = Stop()
    plan = Plan(str(base), 128, threads=1, threads_batch=1)
    for event in scorer.score(plan, TEXT, stop, first_chunk=0, base="keep", folder=folder):
        if isinstance(event, ChunkScores):
            stop.set()


def test_a_base_with_other_tokens_is_refused(base: Path, tmp_path: Path) -> None:
    """As many tokens, but others on this text."""
    tiny = llama()
    tokens = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % byte for byte in range(256)), *(b"x%d" % i for i in range(12))]
    tiny.put(strings("tokenizer.ggml.tokens", tokens))
    scorer = Scorer()
    score(scorer, tiny.write(tmp_path / "other.gguf"), tmp_path, "keep")
    with pytest.raises(UsageError, match="another vocabulary"):
        score(scorer, base, tmp_path, "compare")


def test_a_comparison_needs_its_base(base: Path, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="No base"):
        score(Scorer(), base, tmp_path, "compare")


def test_folders_without_room(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with pytest.raises(AutoglmError, match="cannot be written"):
        score(Scorer(), base, in_the_way, "keep")
    monkeypatch.setattr(kept, "FREE_SHARE", 1e-12)
    with pytest.raises(AutoglmError, match="free disk"):
        score(Scorer(), base, tmp_path, "keep")


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_sliding_window_is_read_through(tmp_path: Path) -> None:
    chunks, _ = score(Scorer(), gemma3().write(tmp_path / "tiny.gguf"), tmp_path)
    assert all(math.isfinite(value) for chunk in chunks for value in chunk.nll)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 20), st.integers(2, 300))
def test_coded_distributions_are_near_the_true_ones(seed: int, spread: float, n_vocab: int) -> None:
    random = np.random.default_rng(seed)
    base = (random.standard_normal((5, n_vocab)) * spread).astype(np.float32)
    other = (base + random.standard_normal((5, n_vocab)) * 0.3).astype(np.float32)
    targets = random.integers(0, n_vocab, 5)
    log_p, log_q = log_softmax(base), log_softmax(other)
    rows = np.arange(5)
    assert np.allclose(negative_log_likelihood(other, targets), -log_q[rows, targets], atol=1e-4)
    found = compare(other, targets, encode(base))
    assert np.allclose(found.nll, -log_q[rows, targets], atol=1e-4)
    kept_apart = np.maximum(log_p, log_p.max(1, keepdims=True) - 16)
    assert np.allclose(found.base_nll, -kept_apart[rows, targets], atol=3e-4)
    exact = (np.exp(log_p) * (log_p - log_q)).sum(1)
    assert np.allclose(found.kld, exact, atol=2e-3)
    assert (found.kld > -1e-4).all()
    certain = np.sort(log_p, 1)[:, -1] - np.sort(log_p, 1)[:, -2] > 1e-3
    assert (found.same_top == (log_p.argmax(1) == log_q.argmax(1)))[certain].all()


def test_equal_logits_are_coded() -> None:
    """A distribution without a step: its scale is zero."""
    flat = np.full((1, 8), 3.0, np.float32)
    found = compare(flat, np.array([2]), encode(flat))
    assert found.kld[0] == pytest.approx(0, abs=1e-6)
    assert found.base_nll[0] == pytest.approx(math.log(8), abs=1e-6)
