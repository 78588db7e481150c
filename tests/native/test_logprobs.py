"""Log-probabilities are those of the model, whatever the samplers do."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from autoglm_lite.errors import UsageError
from autoglm_lite.generation import Sampling, TokenLogprob
from tests.native.writer import STARTER, Writer


@pytest.mark.parametrize(
    "sampling",
    [Sampling(temperature=0), Sampling(temperature=1.7, top_k=3, seed=1), Sampling(grammar='root ::= "Q" .*', seed=2)],
)
def test_as_the_softmax_of_the_logits(stories: Writer, sampling: Sampling) -> None:
    logits = stories.read().astype(np.float64)
    expected = logits - np.log(np.exp(logits).sum())
    sampler = stories.sampler(sampling, logprobs=20)
    sampled = sampler.sample(stories.context, -1)
    sampler.close()
    one = sampled.logprob
    assert one is not None
    assert (one.token, one.piece) == (sampled.token, stories.model.token_bytes(sampled.token))
    assert one.logprob == pytest.approx(expected[sampled.token], abs=1e-9)
    assert [token for token, _, _ in one.top] == list(np.argsort(-expected, kind="stable")[:20])
    for token, piece, logprob in one.top:
        assert piece == stories.model.token_bytes(token)
        assert logprob == pytest.approx(expected[token], abs=1e-9)


def test_of_the_chosen_token_alone(stories: Writer) -> None:
    logprobs: list[TokenLogprob] = []
    written = stories.write(stories.sampler(Sampling(seed=4), logprobs=0), 20, logprobs=logprobs)
    assert [one.token for one in logprobs] == written
    assert all(one.top == () and one.logprob <= 0 for one in logprobs)


@pytest.mark.parametrize("n", [-1, 21, 10**9])
def test_too_many(stories: Writer, n: int) -> None:
    with pytest.raises(UsageError, match="choose 0 to 20"):
        stories.sampler(Sampling(), logprobs=n)


def test_numpy_stays_out_where_nobody_asks_for_them() -> None:
    program = f"""
import sys
from autoglm_lite.generation import Sampling
from autoglm_lite.native.context import Context
from autoglm_lite.native.model import Model
from autoglm_lite.native.sampler import Sampler
model = Model({str(STARTER)!r}, load_mode="mmap", repack=False)
context = Context(model, n_ctx=64, n_ubatch=8, threads=1, threads_batch=1, kv_type="f16")
context.decode([1], 0, n_outputs=1)
for logprobs in (None, 1):
    sampler = Sampler(Sampling(grammar='root ::= [a-z]+'), model, n_ctx=64, logprobs=logprobs)
    sampler.sample(context, -1)
    print("numpy" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    assert done.stdout.split() == [b"False", b"True"]
