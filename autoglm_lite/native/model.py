"""A loaded model: its weights and its vocabulary."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property

from autoglm_lite.errors import LoadError
from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.candidates import Candidates
from autoglm_lite.native.offload import Offload

LOAD_MODES = {"none": 0, "mmap": 1, "direct_io": 4}


class Model:
    """Owns a `llama_model`; `close` frees it."""

    def __init__(
        self,
        path: str,
        *,
        load_mode: str,
        repack: bool,
        devices: Sequence[tuple[str, str | None, int]] = (),
        on_cpu: Sequence[str] = (),
        vocab_only: bool = False,
        no_alloc: bool = False,
        on_progress: Callable[[float], None] | None = None,
    ) -> None:
        """Loads the file, or its vocabulary alone, or with `no_alloc` (and load_mode none) all but the weights.

        `devices` (name, endpoint and number of layers of each) take the last layers and the output layer, but for the
        tensors whose names match one of the regular expressions `on_cpu`. `on_progress` gets the share done, 0 to 1.
        Raises LoadError.
        """
        self._lib = lib = bindings()
        params = lib.llama_model_default_params()
        params.load_mode = LOAD_MODES[load_mode]
        params.use_extra_bufts = repack
        params.vocab_only = vocab_only
        params.no_alloc = no_alloc
        # llama.cpp keeps pointers into it while it loads.
        offload = Offload(devices, on_cpu)
        offload.apply(params)

        def progress(share: float, _user_data: object) -> bool:
            if on_progress is not None:
                on_progress(share)
            return True

        callback = lib.llama_progress_callback(progress)
        params.progress_callback = callback
        self.handle = lib.llama_model_load_from_file(os.fsencode(path), params)
        if not self.handle:
            raise LoadError(f"llama.cpp cannot load {path}.")
        self.vocab = lib.llama_model_get_vocab(self.handle)
        self.n_vocab: int = lib.llama_vocab_n_tokens(self.vocab)
        self.n_ctx_train: int = lib.llama_model_n_ctx_train(self.handle)
        self.n_params: int = lib.llama_model_n_params(self.handle)
        self.n_swa: int = lib.llama_model_n_swa(self.handle)
        self._piece = ctypes.create_string_buffer(256)
        self._written_controls: set[int] = set()

    def close(self) -> None:
        if self.handle:
            if "candidates" in vars(self):
                self.candidates.close()
            self._lib.llama_model_free(self.handle)
            self.handle = None

    @cached_property
    def candidates(self) -> Candidates:
        """One array for all answers of this model, which take turns."""
        return Candidates()

    def description(self) -> str:
        """llama.cpp's short name of the model's kind, size and type."""
        buffer = ctypes.create_string_buffer(256)
        self._lib.llama_model_desc(self.handle, buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace")

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        """Token ids. `add_special` adds what the vocabulary puts around a text; `parse_special` reads control ones."""
        data = text.encode("utf-8", "replace")
        capacity = len(data) + 8
        tokens = (ctypes.c_int32 * capacity)()
        n = self._lib.llama_tokenize(self.vocab, data, len(data), tokens, capacity, add_special, parse_special)
        if n < 0:
            capacity = -n
            tokens = (ctypes.c_int32 * capacity)()
            n = self._lib.llama_tokenize(self.vocab, data, len(data), tokens, capacity, add_special, parse_special)
        return tokens[:n]

    def controls(self, texts: Iterable[str]) -> frozenset[int]:
        """The tokens with these names, as far as there are such."""
        found = [self.tokenize(text, add_special=False, parse_special=True) for text in texts]
        return frozenset(tokens[0] for tokens in found if len(tokens) == 1)

    def write_control(self, text: str) -> None:
        """From now on the control token `text`, if there is one, stands for its text."""
        self._written_controls |= self.controls([text])

    def token_bytes(self, token: int, written: Collection[int] = ()) -> bytes:
        """What a token stands for; b"" for control tokens, but for those that are `written` with their names."""
        named = token in self._written_controls or token in written
        n = self._lib.llama_token_to_piece(self.vocab, token, self._piece, len(self._piece), 0, named)
        if n < 0:
            self._piece = ctypes.create_string_buffer(-n)
            n = self._lib.llama_token_to_piece(self.vocab, token, self._piece, len(self._piece), 0, named)
        return self._piece.raw[:n]

    def ends_generation(self, token: int) -> bool:
        return bool(self._lib.llama_vocab_is_eog(self.vocab, token))

    @property
    def end(self) -> int | None:
        """A token that ends an answer; None where the vocabulary has none."""
        for token in (self._lib.llama_vocab_eot(self.vocab), self._lib.llama_vocab_eos(self.vocab)):
            if token >= 0 and self.ends_generation(token):
                return int(token)
        return None

    def is_silent(self, token: int, written: Collection[int] = ()) -> bool:
        """Whether it stands for no text and does not end an answer either; `written` as for `token_bytes`."""
        kinds = self._lib.LLAMA_TOKEN_ATTR_UNKNOWN | self._lib.LLAMA_TOKEN_ATTR_CONTROL
        silent = self._lib.llama_vocab_get_attr(self.vocab, token) & kinds
        named = token in self._written_controls or token in written
        return bool(silent) and not named and not self.ends_generation(token)
