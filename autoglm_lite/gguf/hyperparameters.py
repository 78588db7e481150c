"""A model's shape, checked for all that llama.cpp asserts or divides by (llama-model.cpp, load_hparams)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from autoglm_lite.gguf.header import Header, damaged, quoted, unsupported
from autoglm_lite.gguf.values import ValueType

MAX_LAYERS = 512
"""LLAMA_MAX_LAYERS in llama-hparams.h; likewise MAX_EXPERTS."""
MAX_EXPERTS = 1024
MAX_CONTEXT = 1 << 31
MAX_WIDTH = 1 << 20
"""Far above any model; keeps products of widths, heads and lengths within llama.cpp's 32-bit fields."""
MAX_HEADS = 1 << 12

OTHER_KINDS = {
    "adapter": "adapter (LoRA)",
    "imatrix": "importance matrix",
    "mmproj": "part that sees images (mmproj)",
    "vocab": "vocabulary",
}
"""What else general.type may say."""

NO_HEADS = frozenset({"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"})
"""Recurrent architectures, which have no attention."""

EQUAL_HEADS = frozenset(
    {"llama", "llama4", "qwen", "qwen2", "qwen2moe", "qwen2vl", "qwen3", "qwen3moe", "qwen3vl", "qwen3vlmoe"}
    | {"qwen3next", "qwen35", "qwen35moe", "glm4", "glm4moe", "chatglm", "phi2", "phi3", "phimoe", "internlm2"}
    | {"smollm3", "granite", "granitemoe", "granitehybrid", "olmo2", "olmoe", "cohere2", "command-r", "exaone"}
    | {"deepseek", "starcoder2", "stablelm", "seed_oss", "ernie4_5", "mistral3", "minicpm", "hunyuan-dense"}
    | {"bert", "nomic-bert", "jina-bert-v2", "modern-bert", "gemma-embedding"}
)
"""Their graphs assert that keys and values have the same length."""

FULL_ROPE = frozenset(
    {"llama", "llama4", "qwen2", "qwen2moe", "qwen2vl", "qwen3", "qwen3moe", "qwen3vl", "qwen3vlmoe", "internlm2"}
    | {"smollm3", "granite", "granitemoe", "olmo2", "olmoe", "exaone", "exaone4", "deepseek", "starcoder2"}
    | {"seed_oss", "ernie4_5", "mistral3", "minicpm"}
)
"""Their graphs assert that the rotary embedding covers the whole key."""

UNIFORM_HEADS = (EQUAL_HEADS - {"qwen3next", "qwen35", "qwen35moe", "granitehybrid"}) | {"gemma", "gemma2", "gemma3"}
"""Their loaders compare all layers' weights with the heads of the first, then abort in a layer that has others."""

WINDOW_PERIODS = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "cohere2": 4, "gpt-oss": 2, "exaone4": 4, "olmo2": 4}
WINDOW_PERIODS |= {"gemma-embedding": 6, "modern-bert": 3}
"""The last of so many layers sees all, the others a window, unless the file says otherwise (src/models)."""
FIRST_SEES_ALL = frozenset({"modern-bert"})
"""Here it is the first of so many."""

GEMMA2_WINDOW = 4096

ROPE_SCALINGS = frozenset({"none", "linear", "yarn", "longrope"})


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Heads and their lengths are 0 for an architecture without attention."""

    architecture: str
    n_layer: int
    n_layer_nextn: int
    """The last layers that only predict ahead; a file may leave them out."""
    n_ctx_train: int
    n_embd: int
    heads: tuple[int, ...]
    """Of each layer."""
    kv_heads: tuple[int, ...]
    """Of each layer; 0 where one keeps no keys and values."""
    windows: tuple[int, ...]
    """For each layer the tokens of its sliding window, 0 where it sees all."""
    key_length: int
    value_length: int
    n_ff: int
    """Width of the feed-forward part that one token passes through, 0 where the file does not say."""


def check_hyperparameters(header: Header) -> Hyperparameters:
    """Raises ModelFileError for a shape that no model has, or for a file that is not a language model."""
    arch = _architecture(header)
    n_layer = _count(header, f"{arch}.block_count", 1, MAX_LAYERS)
    nextn = _optional(header, f"{arch}.nextn_predict_layers", 0, n_layer - 1) or 0
    n_ctx_train = _count(header, f"{arch}.context_length", 1, MAX_CONTEXT)
    n_embd = _count(header, f"{arch}.embedding_length", 1, MAX_WIDTH)
    _check_experts(header, arch, n_layer)
    n_ff = _feed_forward(header, arch, n_layer)
    _check_floats(header, arch)
    windows = _windows(header, arch, n_layer)
    heads = _per_layer(header, f"{arch}.attention.head_count", n_layer)
    if heads is None or not any(heads):
        if arch not in NO_HEADS:
            raise damaged(header.path, f"the key {arch}.attention.head_count is missing or 0")
        none = (0,) * n_layer
        return Hyperparameters(arch, n_layer, nextn, n_ctx_train, n_embd, none, none, windows, 0, 0, n_ff)
    kv_heads = _per_layer(header, f"{arch}.attention.head_count_kv", n_layer) or heads
    if arch in UNIFORM_HEADS and len(set(zip(heads, kv_heads, strict=True))) > 1:
        raise damaged(header.path, f"its layers differ in their heads, as those of no {arch} model do")
    for n_head, n_head_kv in zip(heads, kv_heads, strict=True):
        if n_head_kv and n_head % n_head_kv:
            raise damaged(header.path, f"its {n_head} heads cannot share {n_head_kv} key heads")
    key_length, value_length = _head_lengths(header, arch, n_embd, max(heads))
    _check_rope(header, arch, key_length)
    return Hyperparameters(
        architecture=arch,
        n_layer=n_layer,
        n_layer_nextn=nextn,
        n_ctx_train=n_ctx_train,
        n_embd=n_embd,
        heads=heads,
        kv_heads=kv_heads,
        windows=windows,
        key_length=key_length,
        value_length=value_length,
        n_ff=n_ff,
    )


def _architecture(header: Header) -> str:
    kind = header.text("general.type")
    if kind in OTHER_KINDS:
        raise unsupported(header.path, f"it holds no model but its {OTHER_KINDS[kind]}", "give the model's own file")
    arch = header.text("general.architecture")
    if not arch or not arch.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise damaged(header.path, "it does not say its architecture")
    if arch == "clip":
        raise unsupported(
            header.path, "it holds only the part that sees images (mmproj)", "give the language model's own file"
        )
    return arch


def _count(header: Header, key: str, least: int, most: int) -> int:
    number = _optional(header, key, least, most)
    if number is None:
        raise damaged(header.path, f"the key {quoted(key)} is missing")
    return number


def _optional(header: Header, key: str, least: int, most: int) -> int | None:
    number = header.u32(key)
    if number is not None and not least <= number <= most:
        raise damaged(header.path, f"the key {quoted(key)} is {number:,}, outside {least:,} to {most:,}")
    return number


def _feed_forward(header: Header, arch: str, n_layer: int) -> int:
    dense = max(_per_layer(header, f"{arch}.feed_forward_length", n_layer, MAX_WIDTH) or (0,))
    expert = max(_per_layer(header, f"{arch}.expert_feed_forward_length", n_layer, MAX_WIDTH) or (0,))
    used = max(_per_layer(header, f"{arch}.expert_used_count", n_layer) or (0,))
    return max(dense, (expert or dense) * used)


def _per_layer(header: Header, key: str, n_layer: int, most: int = MAX_HEADS) -> tuple[int, ...] | None:
    """One number for all layers, or a list with one for each; none above `most`."""
    value = header.metadata.get(key)
    if value is None:
        return None
    if value.type is not ValueType.ARRAY:
        return (_count(header, key, 0, most),) * n_layer
    numbers = header.numbers(key, ValueType.UINT32, ValueType.INT32)
    counts = tuple(int(number) for number in numbers or ())
    if len(counts) != n_layer or not all(0 <= count <= most for count in counts):
        raise damaged(header.path, f"the list {quoted(key)} does not fit {n_layer} layers")
    return counts


def _head_lengths(header: Header, arch: str, n_embd: int, n_head: int) -> tuple[int, int]:
    lengths = []
    for name in ("key_length", "value_length"):
        length = _optional(header, f"{arch}.attention.{name}", 1, MAX_WIDTH)
        if length is None:
            if n_embd % n_head:
                raise damaged(header.path, f"its width of {n_embd} cannot be shared by {n_head} heads")
            length = n_embd // n_head
        lengths.append(length)
        _optional(header, f"{arch}.attention.{name}_swa", 1, MAX_WIDTH)
    if arch in EQUAL_HEADS and lengths[0] != lengths[1]:
        raise damaged(header.path, f"its keys and values differ in length ({lengths[0]} and {lengths[1]})")
    return lengths[0], lengths[1]


def _check_rope(header: Header, arch: str, key_length: int) -> None:
    # ggml rotates pairs, asserts that they lie within the key, and never ends with none.
    least = 2 if arch in UNIFORM_HEADS else 0
    n_rot = _optional(header, f"{arch}.rope.dimension_count", least, key_length)
    n_rot = key_length if n_rot is None else n_rot
    if n_rot % 2 or (arch in FULL_ROPE and n_rot != key_length):
        raise damaged(header.path, f"its rotary embedding of {n_rot} does not fit keys of {key_length}")
    n_rot_swa = _optional(header, f"{arch}.rope.dimension_count_swa", least, MAX_WIDTH)
    if n_rot_swa is not None and n_rot_swa % 2:
        raise damaged(header.path, f"its rotary embedding of {n_rot_swa} cannot be cut into pairs")
    scaling = header.text(f"{arch}.rope.scaling.type")
    if scaling is not None and scaling not in ROPE_SCALINGS:
        raise damaged(header.path, f"its rope scaling {quoted(scaling)} is unknown")
    sections = header.numbers(f"{arch}.rope.dimension_sections", ValueType.INT32, ValueType.UINT32)
    if sections is not None:
        fit = min(sections, default=-1) >= 0 and sum(sections) <= key_length
        if not fit or len(sections) > 4 or not any(sections[:3]):
            raise damaged(header.path, "the sections of its rotary embedding are impossible")


def _check_experts(header: Header, arch: str, n_layer: int) -> None:
    n_expert = _optional(header, f"{arch}.expert_count", 0, MAX_EXPERTS) or 0
    used = _per_layer(header, f"{arch}.expert_used_count", n_layer) or (0,)
    groups = _optional(header, f"{arch}.expert_group_count", 0, MAX_EXPERTS) or 0
    groups_used = _optional(header, f"{arch}.expert_group_used_count", 0, MAX_EXPERTS) or 0
    sane = max(used) <= n_expert and (n_expert == 0) == (max(used) == 0)
    if n_expert == 0:
        sane = sane and groups == 0
    else:
        sane = sane and groups < n_expert
        if groups > 1:
            sane = sane and n_expert % groups == 0 and 0 < groups_used < groups
    if not sane:
        raise damaged(
            header.path,
            f"its numbers of experts contradict each other ({max(used)} used of {n_expert}, {groups} groups)",
        )


def _check_floats(header: Header, arch: str) -> None:
    """llama.cpp asserts that an epsilon is not negative; none of the others may be infinite or no number."""
    for key, value in header.metadata.items():
        if not key.startswith(arch + ".") or value.type is not ValueType.FLOAT32:
            continue
        number = value.data
        if not isinstance(number, float) or not math.isfinite(number):
            raise damaged(header.path, f"the key {quoted(key)} is not a finite number")
        if key.endswith("epsilon") and not 0 < number < 1:
            raise damaged(header.path, f"the key {quoted(key)} is {number:g}, outside 0 to 1")
    for key in (f"{arch}.rope.freq_base", f"{arch}.rope.freq_base_swa"):
        base = header.f32(key)
        if base is not None and base <= 0:
            raise damaged(header.path, f"the key {quoted(key)} is {base:g} and must be positive")


def _windows(header: Header, arch: str, n_layer: int) -> tuple[int, ...]:
    """For each layer the tokens of its sliding window, 0 where it sees all. llama.cpp asserts that some layer of a
    model with a window uses it."""
    window = _optional(header, f"{arch}.attention.sliding_window", 0, MAX_CONTEXT)
    if window is None:
        window = GEMMA2_WINDOW if arch == "gemma2" else 0
    key = f"{arch}.attention.sliding_window_pattern"
    value = header.metadata.get(key)
    if value is not None and value.type is ValueType.ARRAY:
        layers = header.numbers(key, ValueType.BOOL, ValueType.UINT32, ValueType.INT32) or ()
        windowed = tuple(map(bool, layers))
        sane = len(windowed) == n_layer and any(windowed)
    else:
        period = header.u32(key)
        sane = period != 1
        period = WINDOW_PERIODS.get(arch, 1) if period is None else period
        whole = 0 if arch in FIRST_SEES_ALL else period - 1
        windowed = tuple(period == 0 or layer % period != whole for layer in range(n_layer))
    if not sane:
        raise damaged(header.path, "no layer uses the sliding window that it speaks of")
    return tuple(window if used else 0 for used in windowed)
