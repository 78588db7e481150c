"""What a model would be in a file of another type, from the facts of one: types of a model differ in their weights
alone."""

from __future__ import annotations

import re
from dataclasses import replace

from autoglm_lite.gguf.facts import ModelFacts, matrix_bytes
from autoglm_lite.gguf.ggml_types import GGML_TYPES, GgmlType
from autoglm_lite.gguf.header import TensorInfo
from autoglm_lite.gguf.tensors import EMBEDDING, OUTPUT

_BY_NAME = {kind.name: kind for kind in GGML_TYPES.values()}
_SAME = {"MXFP4_MOE": "MXFP4", "IQ3_XS": "IQ3_S", "IQ3_M": "IQ3_S", "IQ2_M": "IQ2_S"}
_PLAIN = ("F32", "F16", "BF16", "Q8_0")
"""Types that the output matrix has as well; with others it is better, as llama-quantize has it."""


def retyped(facts: ModelFacts, file_bytes: int, type_name: str) -> ModelFacts:
    """The facts of the same model in a file of `file_bytes` bytes whose type is called `type_name`: what its tensors
    are is foreseen, and makes up its size. With a type that is not known, all tensors are scaled alike."""
    if (file_bytes, type_name) in ((facts.file_bytes, facts.file_type), (facts.file_bytes, "")):
        return facts
    tensors = _foreseen(facts, main_type(type_name))
    header_bytes = max(0, facts.file_bytes - facts.tensor_bytes)
    share = max(1, file_bytes - header_bytes) / max(1, sum(tensor.n_bytes for tensor in tensors))
    tensors = tuple(replace(tensor, n_bytes=int(tensor.n_bytes * share)) for tensor in tensors)
    n_bytes = sum(tensor.n_bytes for tensor in tensors)
    return replace(
        facts,
        file_bytes=file_bytes,
        file_type=type_name or facts.file_type,
        tensor_bytes=n_bytes,
        token_bytes=int(facts.token_bytes * n_bytes / max(1, facts.tensor_bytes)),
        tensors=tensors,
        matrix_bytes=matrix_bytes(tensors, facts.architecture),
    )


def main_type(type_name: str) -> GgmlType | None:
    """Of most tensors in a file of that type, such as Q4_K of UD-Q4_K_XL."""
    name = type_name.removeprefix("UD-")
    name = re.sub(r"^(Q\d_K)_.*$", r"\1", _SAME.get(name, name))
    return _BY_NAME.get(name) or _BY_NAME.get(re.sub(r"_[A-Z]+$", "", name)) or _BY_NAME.get(f"{name}_K")


def _foreseen(facts: ModelFacts, main: GgmlType | None) -> tuple[TensorInfo, ...]:
    if main is None:
        return facts.tensors
    output = EMBEDDING if facts.tied else OUTPUT
    best = main if main.name in _PLAIN else _BY_NAME["Q6_K"]

    def one(tensor: TensorInfo) -> TensorInfo:
        kind = best if tensor.name == output else main
        if tensor.shape[0] % kind.block_size:
            kind = _BY_NAME["Q8_0"]
        if len(tensor.shape) == 1 or tensor.type.name == "F32" or tensor.shape[0] % kind.block_size:
            return tensor
        return replace(tensor, type=kind, n_bytes=kind.bytes_for(tensor.n_values))

    return tuple(map(one, facts.tensors))
