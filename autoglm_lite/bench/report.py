"""What was measured, as figures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median

from autoglm_lite.bench.answer import Between, between
from autoglm_lite.bench.reopened import Reopened
from autoglm_lite.bench.schedule import Lengths
from autoglm_lite.bench.speed import AtDepth, Measured
from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.planning.memory import kv_bytes
from autoglm_lite.planning.plan import Plan


@dataclass(frozen=True, slots=True)
class DepthFigures:
    depth: int
    prefill: float
    """Tokens per second; likewise `decode`."""
    decode: float
    share: float | None
    """Of the bandwidth of memory that decode reads with; None where that is unknown."""


@dataclass(frozen=True, slots=True)
class Report:
    lengths: Lengths
    depths: tuple[DepthFigures, ...]
    left_out: tuple[int, ...]
    cold: float
    """Seconds to the first token; likewise `warm` and `disk`."""
    warm: float
    disk: float | None
    why_no_disk: str
    between: Between
    """At depth 0."""
    load_seconds: float
    resident: int
    anonymous: int
    bandwidth: float | None
    """Of memory, bytes per second."""


def report(facts: ModelFacts, plan: Plan, measured: Measured, reopened: Reopened, bandwidth: float | None) -> Report:
    """Medians of what was measured."""
    lengths = measured.lengths
    cold = [answers[0] for answers in measured.depths[0].answers]
    return Report(
        lengths=lengths,
        depths=tuple(_at(facts, plan, lengths, found, bandwidth) for found in measured.depths),
        left_out=measured.left_out,
        cold=median(answer.first_token for answer in cold),
        warm=median(answer.first_token for answer in measured.warm),
        disk=median(answer.first_token for answer in reopened.answers) if reopened.answers else None,
        why_no_disk=reopened.why,
        between=between(answer for answers in measured.depths[0].answers for answer in answers),
        load_seconds=measured.cost.load,
        resident=measured.resident,
        anonymous=measured.anonymous,
        bandwidth=bandwidth,
    )


def _at(facts: ModelFacts, plan: Plan, lengths: Lengths, found: AtDepth, bandwidth: float | None) -> DepthFigures:
    decode = found.decode
    share = None
    if bandwidth is not None and not plan.devices:
        # Of the answer's tokens, the one in the middle.
        n_tokens = found.depth + lengths.prompt + lengths.answer // 2
        share = decode * bytes_a_token(facts, plan, n_tokens) / bandwidth
    return DepthFigures(found.depth, found.prefill, decode, share)


def bytes_a_token(facts: ModelFacts, plan: Plan, n_tokens: int) -> int:
    """What is read from memory for a token with `n_tokens` before it: the weights, and their keys and values."""
    return facts.token_bytes + kv_bytes(facts, replace(plan, n_ctx=max(n_tokens, 1)))
