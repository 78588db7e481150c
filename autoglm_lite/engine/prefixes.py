"""What the model has read, kept on disk: restored where that is quicker than reading it again."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from time import perf_counter

from autoglm_lite.native.bindings import version
from autoglm_lite.native.context import Context
from autoglm_lite.planning.plan import Plan
from autoglm_lite.states.folder import Found, StateFolder, common_prefix, remove

LEAST_SECONDS = 2.0
"""Of reading that a kept state must save."""
DISK_BYTES = 100e6
"""A second, to and from a slow disk and through the checksum, until it was measured."""
PAYS = 4
"""How many times the seconds of writing a state must save: it is written whole for each answer that adds to it."""
MOST_SECONDS = 8.0
"""Of writing, in which a question would have to wait."""
FORMAT = 2
"""Of what this program keeps under the same key."""
MOST_REMEMBERED = 16
"""Kept states whose tokens are known without looking into the folder."""
UNKNOWN_SPEED = 20.0
"""Tokens of prefill a second, before the first was measured."""
_HEAD_BYTES = 64 << 10
_SAMPLE_BYTES = 4 << 10
_STRIDE_BYTES, _MOST_SAMPLES = 4 << 20, 512
"""A fine-tune may differ in few tensors alone, so of nearly every one a sample is wanted; but of those that are in the
page cache no more each costs a disk's seek."""


class Prefixes:
    """The kept states of one model, and the rule by which they are kept and restored. Seconds are those of the last
    prefill, so on a fast machine little is kept and on a slow one nearly all."""

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder
        self._read_bytes = self._write_bytes = DISK_BYTES
        self._kept: deque[array[int]] = deque(maxlen=MOST_REMEMBERED)
        """The tokens of what was kept or restored."""

    def better(self, context: Context, prompt: Sequence[int], n_common: int, speed: float) -> Found | None:
        """The kept state to begin `prompt` with where `n_common` tokens of it are at hand already; None where no state
        is quicker. `speed`: tokens of prefill a second, 0 if unknown."""
        speed = speed or UNKNOWN_SPEED
        if (len(prompt) - n_common) / speed < LEAST_SECONDS:
            # The next question of a conversation: no file could save enough, so none is looked at.
            return None
        found = self._folder.find(prompt, most=context.n_ctx - 1, whole=not context.can_be_cut)
        if found is None:
            return None
        gained = (found.n_common - n_common) / speed
        return found if gained >= max(LEAST_SECONDS, 2 * found.head.n_bytes / self._read_bytes) else None

    def read_seconds(self, found: Found) -> float:
        """How long restoring would take."""
        return found.head.n_bytes / self._read_bytes

    def restore(self, context: Context, sequence: int, found: Found) -> array[int]:
        """Fills an empty sequence with a kept state; returns the tokens that are then in it, none where the state is
        damaged."""
        started = perf_counter()
        path = self._folder.open(found)
        if path is None or not context.load_state(path, sequence, len(found.head.tokens)):
            remove(found.head.path)
            return array("i")
        self._read_bytes = found.head.n_bytes / (perf_counter() - started)
        self._kept.append(found.head.tokens)
        return found.head.tokens

    def keep(
        self, context: Context, sequence: int, tokens: array[int], speed: float, most_seconds: float = MOST_SECONDS
    ) -> bool:
        """Keeps a sequence, which `tokens` are, if reading what is new of it again would take longer than writing it,
        which takes `most_seconds` at most."""
        held = tokens[:]
        n_new = len(held) - max((common_prefix(kept, held) for kept in self._kept), default=0)
        lost = n_new / (speed or UNKNOWN_SPEED)
        if not n_new or lost < LEAST_SECONDS:
            return False
        n_bytes = context.state_bytes(sequence)
        writing = n_bytes / self._write_bytes
        if lost < PAYS * writing or writing > most_seconds:
            return False
        started = perf_counter()
        kept = self._folder.keep(held, n_bytes, lambda path: context.save_state(path, sequence, held))
        if kept:
            self._kept.append(held)
            self._write_bytes = n_bytes / (perf_counter() - started)
        return kept


def model_key(plan: Plan) -> bytes:
    """32 bytes that differ for models, versions of llama.cpp and layouts of the KV cache whose states do not go
    together. Of the file its size, beginning and samples every few megabytes count (of a small one all), not its name
    or date. Raises OSError."""
    digest = blake2b(digest_size=32)
    layout = f"{FORMAT} {version()} {plan.kv_type} {plan.flash_attention is not False}"
    digest.update(layout.encode())
    path = Path(plan.model_path)
    size = path.stat().st_size
    digest.update(size.to_bytes(8, "little"))
    with path.open("rb") as file:
        digest.update(file.read(_STRIDE_BYTES if size <= _STRIDE_BYTES else _HEAD_BYTES))
        n_samples = min(_MOST_SAMPLES, size // _STRIDE_BYTES)
        for i in range(n_samples):
            file.seek(size * i // n_samples)
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.digest()
