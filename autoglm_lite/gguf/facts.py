"""What the rest of the program needs to know of a model file, read and checked without native code."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoglm_lite.embedding import Pooling, Use, wrong_use
from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf.ggml_types import FILE_TYPES
from autoglm_lite.gguf.header import Header, TensorInfo
from autoglm_lite.gguf.hyperparameters import check_hyperparameters
from autoglm_lite.gguf.purpose import BERTS, ENCODERS, check_purpose, is_encoder
from autoglm_lite.gguf.reader import read_header
from autoglm_lite.gguf.tensors import EMBEDDING, OUTPUT, check_tensors
from autoglm_lite.gguf.vocabulary import check_vocabulary

_SAMPLING = "general.sampling."
LOOKED_UP = frozenset({"position_embd.weight", "token_types.weight"})
"""Tables of which a token takes one row."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One checked GGUF model file."""

    path: Path
    file_bytes: int
    tensor_bytes: int
    architecture: str
    name: str
    n_layer: int
    n_ctx_train: int
    n_embd: int
    n_head: int
    n_head_kv: int
    """The most of any layer."""
    key_length: int
    """Values in one head's key; likewise `value_length`."""
    value_length: int
    n_vocab: int
    n_params: int
    file_type: str
    """Such as `Q4_K_M`: what the file says, or the type that most of its bytes have."""
    chat_template: str | None
    bos_text: str
    """Empty when there is no such token; likewise `eos_text`."""
    eos_text: str
    add_bos: bool
    sampling: Mapping[str, float] = field(default_factory=dict)
    """What the model's makers recommend, by llama.cpp's names: temp, top_k, top_p, min_p, penalty_repeat..."""
    kv_heads: tuple[int, ...] = ()
    """Key and value heads of each layer."""
    windows: tuple[int, ...] = ()
    """For each layer the tokens of its sliding window, 0 where it sees all."""
    n_ff: int = 0
    """Width of the feed-forward part that one token passes through; with experts, of all those used."""
    matrix_bytes: Mapping[str, int] = field(default_factory=dict)
    """Bytes of weights that are multiplied by, by type: those that llama.cpp may copy into another layout. The
    embedding counts when it is the output matrix as well."""
    n_merges: int = 0
    """Pairs of the vocabulary that BPE joins."""
    token_bytes: int = 0
    """Weights that one token is multiplied by: not the embedding, unless it is the output matrix as well, and of
    experts the share that is used."""
    tensors: tuple[TensorInfo, ...] = field(default=(), repr=False)
    """All of the file, in its order; empty where only sums are known."""
    use: Use = "chat"
    """What the model is made for."""
    pooling: Pooling = "none"
    labels: tuple[str, ...] = ()
    """Of a reranking model's scores, where the file says; the first is the rank."""

    @property
    def tied(self) -> bool:
        """Whether the embedding is the output matrix as well."""
        return _tied(self.architecture, self.tensors)

    @property
    def encoder(self) -> bool:
        """Whether it reads a whole text in one step, and keeps no keys and values."""
        return self.architecture in ENCODERS


def read_facts(path: Path) -> ModelFacts:
    """Reads the header of `path` and checks everything that can be checked without its data.

    Raises ModelFileError with one sentence: what is wrong with the file and what to do.
    """
    return facts_of(read_header(path))


def facts_of(header: Header) -> ModelFacts:
    """Checks the rest of what `read_facts` does. Raises ModelFileError, which calls the file by the header's path."""
    path = header.path
    shape = check_hyperparameters(header)
    vocabulary = check_vocabulary(header, encoder=is_encoder(header))
    check_tensors(header, shape, vocabulary.n_tokens)
    purpose = check_purpose(header, shape)
    return ModelFacts(
        path=path,
        file_bytes=header.file_bytes,
        tensor_bytes=sum(tensor.n_bytes for tensor in header.tensors),
        architecture=shape.architecture,
        name=header.text("general.name") or path.stem,
        n_layer=shape.n_layer,
        n_ctx_train=shape.n_ctx_train,
        n_embd=shape.n_embd,
        n_head=max(shape.heads),
        n_head_kv=max(shape.kv_heads),
        key_length=shape.key_length,
        value_length=shape.value_length,
        n_vocab=vocabulary.n_tokens,
        n_params=sum(tensor.n_values for tensor in header.tensors),
        file_type=_file_type(header),
        chat_template=header.text("tokenizer.chat_template") or None,
        bos_text=vocabulary.bos_text,
        eos_text=vocabulary.eos_text,
        add_bos=vocabulary.add_bos,
        sampling=_sampling(header),
        kv_heads=shape.kv_heads,
        windows=shape.windows,
        n_ff=shape.n_ff,
        matrix_bytes=matrix_bytes(header.tensors, shape.architecture),
        n_merges=vocabulary.n_merges,
        token_bytes=_token_bytes(header, shape.architecture),
        tensors=header.tensors,
        use=purpose.use,
        pooling=purpose.pooling,
        labels=purpose.labels,
    )


def made_for(facts: ModelFacts, use: Use) -> ModelFacts:
    """`facts` where the model is made for that use; else raises ModelFileError with one sentence."""
    if facts.use != use:
        raise ModelFileError(wrong_use(facts.name, facts.use, use))
    return facts


def _file_type(header: Header) -> str:
    number = header.u32("general.file_type")
    if number is not None and number in FILE_TYPES:
        return FILE_TYPES[number]
    by_type: Counter[str] = Counter()
    for tensor in header.tensors:
        by_type[tensor.type.name] += tensor.n_bytes
    return max(by_type, key=lambda name: by_type[name])


def _sampling(header: Header) -> dict[str, float]:
    return {
        key.removeprefix(_SAMPLING): float(value.data)
        for key, value in header.metadata.items()
        if key.startswith(_SAMPLING) and isinstance(value.data, int | float) and math.isfinite(value.data)
    }


def _tied(architecture: str, tensors: tuple[TensorInfo, ...]) -> bool:
    return architecture not in BERTS and all(tensor.name != OUTPUT for tensor in tensors)


def matrix_bytes(tensors: tuple[TensorInfo, ...], architecture: str) -> dict[str, int]:
    """`ModelFacts.matrix_bytes` of a model's tensors."""
    tied = _tied(architecture, tensors)
    by_type: Counter[str] = Counter()
    for tensor in tensors:
        if is_matrix(tensor) and tensor.name not in LOOKED_UP and (tensor.name != EMBEDDING or tied):
            by_type[tensor.type.name] += tensor.n_bytes
    return dict(by_type)


def _token_bytes(header: Header, architecture: str) -> int:
    tied = _tied(architecture, header.tensors)
    n_expert, n_used = (_most(header, f"{architecture}.expert_{what}") for what in ("count", "used_count"))
    share = n_used / n_expert if n_expert else 1.0
    read = 0.0
    for tensor in header.tensors:
        if tensor.name not in LOOKED_UP and (tensor.name != EMBEDDING or tied):
            read += tensor.n_bytes * (share if "_exps." in tensor.name else 1.0)
    return int(read)


def _most(header: Header, key: str) -> int:
    """A count, or the greatest of a list with one for each layer; 0 without it."""
    value = header.metadata.get(key)
    data = 0 if value is None else value.data
    if isinstance(data, array):
        return int(max(data, default=0))
    return data if isinstance(data, int) else 0


def is_matrix(tensor: TensorInfo) -> bool:
    """Whether llama.cpp may copy it into another layout, if its type has one."""
    # Rows go in groups of 8 into the other layout (engine-facts: repack.cpp), so other shapes stay as they are.
    return len(tensor.shape) > 1 and tensor.shape[1] % 8 == 0
