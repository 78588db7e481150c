"""What a model expects after every token of a text; for comparisons with other implementations."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.native.context import Context
from autoglm_lite.native.model import Model

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def evaluate(path: Path, tokens: Sequence[int], *, kv_type: str = "f32", threads: int = 1) -> npt.NDArray[np.float32]:
    """Natural logarithms of the probabilities of each next token: (n_tokens, n_vocab).

    The tokens are taken as they are, none is added. Attention is computed in F32 and step by step, weights in the type
    that the file has. All logits are in memory at once, so this is for short texts. Raises LoadError.
    """
    import numpy as np

    n = len(tokens)
    with (
        closing(Model(str(path), load_mode="mmap", repack=False)) as model,
        closing(
            Context(
                model,
                n_ctx=n,
                n_ubatch=n,
                threads=threads,
                threads_batch=threads,
                kv_type=kv_type,
                n_outputs=n,
                flash_attention=False,
            )
        ) as context,
    ):
        context.decode(tokens, 0, n_outputs=n)
        return log_softmax(context.logits(n)).astype(np.float32)


def log_softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Over the last axis."""
    import numpy as np

    shifted: npt.NDArray[np.float64] = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted
