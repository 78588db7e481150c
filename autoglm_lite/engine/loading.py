"""A plan carried out: the model and its context as the plan has them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from autoglm_lite.native.context import AbortFlag, Context
from autoglm_lite.native.mapping import release_unused
from autoglm_lite.native.model import Model
from autoglm_lite.native.node import Observer
from autoglm_lite.native.sizes import buffer_sizes
from autoglm_lite.planning.memory import Sizes
from autoglm_lite.planning.plan import Plan


def open_model(plan: Plan, on_progress: Callable[[float], None] | None = None) -> Model:
    """Loads the plan's model, each weight once; `on_progress` gets the share done, 0 to 1. Raises LoadError."""
    model = Model(
        plan.model_path,
        load_mode=plan.load_mode,
        repack=plan.repack,
        devices=[(part.name, part.endpoint, part.layers) for part in plan.devices],
        on_cpu=plan.on_cpu,
        on_progress=on_progress,
    )
    release_unused(model, plan.model_path)
    return model


def open_context(
    model: Model,
    plan: Plan,
    *,
    n_ubatch: int | None = None,
    n_outputs: int = 1,
    observer: Observer | None = None,
    abort: AbortFlag | None = None,
    n_idle: int = 0,
) -> Context:
    """A context of the plan's; `n_ubatch`: fewer tokens than the plan computes at once; `n_idle`: sequences beside
    those that are computed. Raises LoadError."""
    return Context(
        model,
        n_ctx=plan.n_ctx,
        n_ubatch=plan.n_ubatch if n_ubatch is None else n_ubatch,
        threads=plan.threads,
        threads_batch=plan.threads_batch,
        kv_type=plan.kv_type,
        n_outputs=n_outputs,
        flash_attention=plan.flash_attention,
        cpus=plan.cpus,
        observer=observer,
        abort=abort,
        n_parallel=plan.n_parallel,
        n_idle=n_idle,
    )


def measure_sizes(plan: Plan) -> Sizes | None:
    """What llama.cpp would take for a plan without devices, not taking it; None where it cannot be asked.

    Raises LoadError.
    """
    model = Model(plan.model_path, load_mode="none", repack=plan.repack, no_alloc=True)
    with closing(model), closing(open_context(model, plan)) as context:
        buffers = buffer_sizes(context)
    if buffers is None:
        return None
    return Sizes(
        repacked=sum(buffer.weights for buffer in buffers if buffer.name != "CPU"),
        kv=sum(buffer.kv for buffer in buffers),
        compute=sum(buffer.compute for buffer in buffers),
    )
