"""A plan carried out: the model and its context as the plan has them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path

from autoglm_lite.engine.progress import LoadShare
from autoglm_lite.engine.readahead import ReadAhead
from autoglm_lite.generation import LoadedModel
from autoglm_lite.hardware.room import read_room
from autoglm_lite.native.computing import AbortFlag
from autoglm_lite.native.context import Context
from autoglm_lite.native.copies import returning_copied
from autoglm_lite.native.embedding_context import EmbeddingContext
from autoglm_lite.native.mapping import anonymous_mappings, prefer_huge_pages, release_unused
from autoglm_lite.native.model import Model
from autoglm_lite.native.node import Observer
from autoglm_lite.native.sizes import buffer_sizes
from autoglm_lite.native.tensors import Place
from autoglm_lite.planning.memory import Sizes
from autoglm_lite.planning.plan import Plan


def open_model(plan: Plan, on_progress: Callable[[float], None] | None = None) -> Model:
    """Loads the plan's model, each weight once; `on_progress` gets the share of the time that is over, 0 to 1, also
    from another thread, one call at a time. Raises LoadError."""
    n_bytes = _file_bytes(plan.model_path)
    room = read_room()
    free = n_bytes if room is None else room.available
    share = LoadShare(n_bytes)

    def tell(done: float) -> None:
        if on_progress is not None:
            on_progress(done)

    known: list[Place] | None = None

    def made(done: float) -> None:
        nonlocal known
        if known is not None:
            # llama.cpp tells a first time when it has the memory and before it copies.
            prefer_huge_pages(known)
            known = None
        # From here on llama.cpp tells, and one is to tell at a time.
        reader.end()
        tell(share.made(done))

    # With ample memory what was copied stays in the page cache: so the model comes back sooner.
    both_fit = free >= 2 * n_bytes
    with (
        ReadAhead(plan.model_path, share, tell, fits=n_bytes <= free) as reader,
        nullcontext() if both_fit or not plan.repack else returning_copied(plan.model_path),
    ):
        known = anonymous_mappings()
        model = Model(
            plan.model_path,
            load_mode=plan.load_mode,
            repack=plan.repack,
            devices=[(part.name, part.endpoint, part.layers) for part in plan.devices],
            on_cpu=plan.on_cpu,
            on_progress=made,
        )
    release_unused(model, plan.model_path)
    return model


def in_words(model: Model, n_ctx: int, context_bytes: int) -> LoadedModel:
    """What is said of a model once it is loaded."""
    description, n_params, n_vocab = model.description(), model.n_params, model.n_vocab
    return LoadedModel(description, n_params, n_ctx, model.n_ctx_train, n_vocab, context_bytes)


def _file_bytes(path: str) -> int:
    """0 where there is none, which llama.cpp is to say."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


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
    known = anonymous_mappings()
    context = Context(
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
    prefer_huge_pages(known)
    return context


def open_embedding_context(model: Model, plan: Plan, *, abort: AbortFlag | None = None) -> EmbeddingContext:
    """Of a plan for embeddings or reranking. Raises LoadError."""
    return EmbeddingContext(
        model,
        n_ctx=plan.n_ctx,
        n_ubatch=plan.n_ubatch,
        n_seqs=plan.n_parallel,
        encoder=plan.encoder,
        threads=plan.threads_batch,
        kv_type=plan.kv_type,
        flash_attention=plan.flash_attention,
        cpus=plan.cpus,
        abort=abort,
    )


def measure_sizes(plan: Plan) -> Sizes | None:
    """What llama.cpp would take for a plan without devices, not taking it; None where it cannot be asked.

    Raises LoadError.
    """
    model = Model(plan.model_path, load_mode="none", repack=plan.repack, no_alloc=True)
    opened = open_context if plan.use == "chat" else open_embedding_context
    with closing(model), closing(opened(model, plan)) as context:
        buffers = buffer_sizes(context)
    if buffers is None:
        return None
    return Sizes(
        repacked=sum(buffer.weights for buffer in buffers if buffer.name != "CPU"),
        kv=sum(buffer.kv for buffer in buffers),
        compute=sum(buffer.compute for buffer in buffers),
    )
