"""A process of its own that lets a model write under one grammar after the other.

Reads JSON lines {"grammar", "n_tokens", "seed"}; answers each with one of
{"error"} (the grammar was refused) or {"text" (bytes as Latin-1), "ended", "slowest" (seconds)}.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from autoglm_lite.errors import UsageError
from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.grammar import grammar_sampler
from autoglm_lite.native.model import Model

CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Writer:
    def __init__(self, path: str) -> None:
        self.lib = lib = bindings()
        self.model = Model(path, load_mode="mmap", repack=False)
        params = lib.llama_context_default_params()
        params.n_ctx = params.n_batch = 512
        params.n_threads = params.n_threads_batch = 1
        self.context = lib.llama_init_from_model(self.model.handle, params)
        self.memory = lib.llama_get_memory(self.context)
        self.candidates = np.zeros(self.model.n_vocab, CANDIDATE)

    def write(self, grammar: str, n_tokens: int, seed: int) -> dict[str, Any]:
        """Lets the model write as it would, but for the grammar."""
        try:
            sampler = grammar_sampler(self.model, grammar)
        except UsageError as error:
            return {"error": str(error)}
        random = np.random.default_rng(seed)
        self.lib.llama_memory_clear(self.memory, True)
        text, ended, slowest = b"", False, 0.0
        token = self.model.tokenize("x", add_special=True, parse_special=False)[0]
        for _ in range(n_tokens):
            logits = self.logits(token)
            started = time.monotonic()
            allowed = self.allowed(sampler, logits)
            slowest = max(slowest, time.monotonic() - started)
            if not np.isfinite(allowed).any():
                break
            weights = np.exp((allowed - allowed.max()) / 0.9)
            token = int(random.choice(len(weights), p=weights / weights.sum()))
            if self.model.ends_generation(token):
                ended = True
                break
            started = time.monotonic()
            self.lib.llama_sampler_accept(sampler, token)
            slowest = max(slowest, time.monotonic() - started)
            text += self.model.token_bytes(token)
        self.lib.llama_sampler_free(sampler)
        return {"text": text.decode("latin-1"), "ended": ended, "slowest": slowest}

    def logits(self, token: int) -> npt.NDArray[np.float64]:
        tokens = (ctypes.c_int32 * 1)(token)
        assert self.lib.llama_decode(self.context, self.lib.llama_batch_get_one(tokens, 1)) == 0
        row = np.ctypeslib.as_array(self.lib.llama_get_logits(self.context), shape=(self.model.n_vocab,))
        return row.astype(np.float64)

    def allowed(self, sampler: Any, logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        self.candidates["id"] = np.arange(len(logits))
        self.candidates["logit"] = logits
        array = self.lib.llama_token_data_array()
        array.data = ctypes.cast(self.candidates.ctypes.data, ctypes.POINTER(self.lib.llama_token_data))
        array.size, array.selected, array.sorted = len(logits), -1, False
        self.lib.llama_sampler_apply(sampler, ctypes.byref(array))
        return self.candidates["logit"].astype(np.float64)


def main() -> None:
    writer = Writer(sys.argv[1])
    for line in sys.stdin:
        print(json.dumps(writer.write(**json.loads(line))), flush=True)


if __name__ == "__main__":
    # llama.cpp says what it thinks of each grammar.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    main()
