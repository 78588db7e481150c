"""What is different in a plan for a model that makes embeddings or ranks documents."""

from __future__ import annotations

from dataclasses import replace

from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.planning.plan import Plan

EMBEDDING_CTX = 2048
"""Tokens; texts to be found again are cut into parts of some hundred, and an encoder's buffers grow with the longest
that may come."""
TEXTS_TOGETHER = 8
"""Computed at the same time; fewer fill a processor's micro-batch where they are long, more are not worth their rows
of logits."""


def suited(facts: ModelFacts, plan: Plan) -> Plan:
    """`plan` as such a model needs it; that of a chat model is left alone."""
    if facts.use == "chat":
        return plan
    plan = replace(plan, use=facts.use, n_parallel=TEXTS_TOGETHER)
    if not facts.encoder:
        return plan
    # llama.cpp takes a quantised cache as a reason to refuse a model that has none.
    return replace(plan, encoder=True, n_ubatch=plan.n_ctx, kv_type="f16", threads=plan.threads_batch)
