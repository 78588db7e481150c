"""A model's tensors, checked for all that llama.cpp's kernels take on trust."""

from __future__ import annotations

import re

from autoglm_lite.gguf.header import Header, TensorInfo, damaged, quoted
from autoglm_lite.gguf.hyperparameters import Hyperparameters

TENSOR_ALIGNMENT = 32
"""Where llama.cpp wants tensors in memory (ggml-impl.h); a mapped file gives them the places they have on disk."""

EMBEDDING = "token_embd.weight"
OUTPUT = "output.weight"

UNREQUIRED_ATTENTION = frozenset({"phi3"})
"""llama.cpp loads these without their attention, and crashes when it computes (create_tensor_qkv)."""

_BLOCK = re.compile(r"blk\.(\d{1,9})\.")


def check_tensors(header: Header, shape: Hyperparameters, n_vocab: int) -> None:
    """Raises ModelFileError where tensors are missing, or of a shape or type that cannot be computed with."""
    by_name = {tensor.name: tensor for tensor in header.tensors}
    embedding = by_name.get(EMBEDDING)
    if embedding is None:
        raise damaged(header.path, f"the tensor {EMBEDDING} is missing")
    _check_vocabulary_matrix(header, embedding, shape.n_embd, n_vocab)
    if OUTPUT in by_name:
        _check_vocabulary_matrix(header, by_name[OUTPUT], shape.n_embd, n_vocab)
    _check_blocks(header, shape)
    _check_attention(header, shape, by_name)
    for tensor in header.tensors:
        _check_type(header, tensor)
        if (header.data_offset + tensor.offset) % TENSOR_ALIGNMENT:
            raise damaged(header.path, f"the tensor {quoted(tensor.name)} lies at an odd place in it")


def _check_vocabulary_matrix(header: Header, tensor: TensorInfo, n_embd: int, n_vocab: int) -> None:
    if tensor.shape != (n_embd, n_vocab):
        found = " x ".join(map(str, tensor.shape))
        raise damaged(
            header.path,
            f"the tensor {tensor.name} is {found} where the width and the vocabulary ask for {n_embd} x {n_vocab}",
        )


def _check_blocks(header: Header, shape: Hyperparameters) -> None:
    present = {int(match[1]) for tensor in header.tensors if (match := _BLOCK.match(tensor.name))}
    missing = set(range(shape.n_layer - shape.n_layer_nextn)) - present
    if missing:
        raise damaged(
            header.path, f"{len(missing)} of its {shape.n_layer} layers are missing, the first is {min(missing)}"
        )
    if max(present) >= shape.n_layer:
        raise damaged(header.path, f"it has tensors of layer {max(present)} but speaks of {shape.n_layer} layers")


def _check_attention(header: Header, shape: Hyperparameters, by_name: dict[str, TensorInfo]) -> None:
    if shape.architecture in UNREQUIRED_ATTENTION:
        for layer in range(shape.n_layer):
            found = [by_name.get(f"blk.{layer}.attn_{part}.weight") for part in ("qkv", "q", "k", "v")]
            if found[0] is None and None in found[1:]:
                raise damaged(header.path, f"the attention of its layer {layer} is missing")


def _check_type(header: Header, tensor: TensorInfo) -> None:
    # Kernels add and multiply by vectors in F32 only, and abort on types that they know no product for.
    if len(tensor.shape) == 1 and tensor.type.name != "F32":
        raise damaged(header.path, f"the vector {quoted(tensor.name)} is of type {tensor.type.name} and should be F32")
    # DeepSeek 4 looks experts up in a table of integers.
    if not tensor.type.multiplies and "tid2eid" not in tensor.name:
        raise damaged(
            header.path, f"the tensor {quoted(tensor.name)} is of type {tensor.type.name}, which no weight is"
        )
