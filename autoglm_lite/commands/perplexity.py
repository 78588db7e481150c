"""`autoglm-lite perplexity`: how well a model expects a text, and how far it has moved from the one it was made of."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from math import exp
from typing import TYPE_CHECKING

from autoglm_lite.commands.measuring import add_measuring_options, make_plans, measure, measured_text, print_anything

if TYPE_CHECKING:
    import argparse

    from autoglm_lite.measurement import BaseUse, Divergence, Scores
    from autoglm_lite.planning.plan import Plan
    from autoglm_lite.worker.client import Worker


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    add_measuring_options(parser)
    parser.add_argument(
        "--against", metavar="BASE", help="also the divergence from this model, such as the F16 file of the same one"
    )


def run(args: argparse.Namespace) -> int:
    """Measures and prints; returns 0, or 130 when interrupted. Raises AutoglmError."""
    from autoglm_lite.hardware.arrays import refuse_without_numpy
    from autoglm_lite.measurement import Scores

    refuse_without_numpy()
    print_anything()
    began = time.monotonic()
    text = measured_text(args.text)
    plan, *bases = make_plans(
        [args.model] if args.against is None else [args.model, args.against], args.ctx, args.threads
    )
    scores = Scores()
    code = measure(lambda worker: _Measurement(worker, plan, bases[0] if bases else None, text, scores).run())
    if code == 0:
        seconds = time.monotonic() - began
        print(_json(scores, seconds, plan, bool(bases)) if args.json else _table(scores, plan, bool(bases)))
    return code


class _Measurement:
    def __init__(self, worker: Worker, plan: Plan, base: Plan | None, text: str, scores: Scores) -> None:
        from autoglm_lite.commands.measuring import Progress

        self._worker, self._plan, self._base, self._text, self._scores = worker, plan, base, text, scores
        self._progress = Progress()
        self._done = 0
        """Chunks that all models have read."""
        self._ahead = 0
        """Chunks that the base has read beyond those."""

    async def run(self) -> int:
        """Base and model take turns over groups of chunks, so that neither two models are in memory at once nor all
        of the base's distributions on disk."""
        try:
            n_chunks = None
            while self._done != n_chunks:
                if self._base is not None:
                    await self._score(self._base, "keep", 0)
                self._done, n_chunks = await self._score(self._plan, "compare" if self._base else "none", 1)
        finally:
            self._progress.close()
        return 0

    async def _score(self, plan: Plan, base: BaseUse, turn: int) -> tuple[int, int]:
        from autoglm_lite.measurement import ChunkScores, TokensRead
        from autoglm_lite.paths import cache_dir
        from autoglm_lite.worker.measuring import score

        def show(read: TokensRead) -> None:
            if self._base is None:
                self._progress.show(read.done, read.total, self._so_far())
            else:
                # Each token is read twice.
                other = (self._done + self._ahead * turn) * plan.n_ctx
                self._progress.show(read.done + other, 2 * read.total, self._so_far())

        next_chunk = n_chunks = self._done
        async for scores in score(
            self._worker, plan, self._text, first_chunk=self._done, base=base, folder=cache_dir(), on_progress=show
        ):
            if not isinstance(scores, ChunkScores):
                next_chunk, n_chunks = scores.next_chunk, scores.n_chunks
            elif turn:
                self._scores.add(scores)
        self._ahead = next_chunk - self._done
        return next_chunk, n_chunks

    def _so_far(self) -> str:
        if not self._scores.n_chunks:
            return ""
        so_far = f"perplexity {exp(self._scores.mean_nll):.4f}"
        return so_far if self._base is None else f"{so_far}, KL divergence {self._scores.mean_kld:.6f}"


def _json(scores: Scores, seconds: float, plan: Plan, against: bool) -> str:
    perplexity = scores.perplexity()
    report: dict[str, object] = {
        "perplexity": perplexity.value,
        "error": perplexity.error,
        "tokens": scores.n_tokens,
        "chunks": scores.n_chunks,
        "n_ctx": plan.n_ctx,
        "seconds": round(seconds, 3),
    }
    if against:
        report["against"] = asdict(scores.divergence())
    return json.dumps(report)


def _table(scores: Scores, plan: Plan, against: bool) -> str:
    perplexity = scores.perplexity()
    rows = [("perplexity", f"{perplexity.value:.4f} ± {perplexity.error:.4f}")]
    if against:
        rows += _rows(scores.divergence())
    rows.append(("tokens", f"{scores.n_tokens:,} counted, {scores.n_chunks:,} chunks of {plan.n_ctx}"))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows)


def _rows(found: Divergence) -> list[tuple[str, str]]:
    return [
        ("perplexity of the base", f"{found.base_perplexity:.4f} ± {found.base_perplexity_error:.4f}"),
        ("ratio of the two", f"{found.ratio:.6f} ± {found.ratio_error:.6f}"),
        ("KL divergence, mean", f"{found.mean_kld:.6f} ± {found.mean_kld_error:.6f}"),
        ("KL divergence, median", f"{found.median_kld:.6f}"),
        ("KL divergence, 99 %", f"{found.kld_99:.6f}"),
        ("KL divergence, maximum", f"{found.max_kld:.6f}"),
        ("same likeliest token", f"{found.same_top:.3%} ± {found.same_top_error:.3%}"),
        ("RMS change of probability", f"{found.rms_delta_p:.3%}"),
    ]
