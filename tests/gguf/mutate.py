"""Makes bad GGUF files of good ones: by structure, so that most get past the first check, and by bytes."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy

from tests.gguf.tiny import (
    ARRAY,
    BOOL,
    F32,
    I32,
    MODELS,
    STRING,
    U16,
    U32,
    U64,
    Entry,
    Tiny,
    numbers,
    single,
    string,
    strings,
    text,
)

_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_COUNTS = (
    0,
    1,
    2,
    3,
    5,
    7,
    8,
    15,
    16,
    31,
    63,
    64,
    255,
    512,
    513,
    1 << 15,
    1 << 16,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
)
_FLOATS = (0.0, -0.0, -1.0, 1e-45, 1e38, -1e38, float("nan"), float("inf"), -float("inf"), 1e-5, 1e6)
_WORDS = (
    *("llama", "qwen2", "qwen3", "gemma2", "gemma3", "phi3", "glm4", "chatglm", "mamba", "rwkv6", "clip", "bert", "t5"),
    *("gpt2", "deepseek2", "qwen2moe", "minicpm", "internlm2", "stablelm", "falcon", "plamo2", "none", "no_vocab"),
    *("default", "llama-bpe", "gemma4", "tekken", "kimi-k2", "yarn", "longrope", "linear", "adapter", "", "\0", "…"),
    *("nomic-bert", "jina-bert-v2", "modern-bert", "gemma-embedding", "jina-v2", "roberta-bpe", "relu", "silu"),
)
_COUNT_KEYS = (
    *(
        "expert_count",
        "expert_used_count",
        "expert_group_count",
        "expert_group_used_count",
        "expert_feed_forward_length",
    ),
    *("expert_shared_count", "leading_dense_block_count", "nextn_predict_layers", "vocab_size", "embedding_length_out"),
    *("attention.key_length", "attention.value_length", "attention.sliding_window", "attention.sliding_window_pattern"),
    *("attention.key_length_swa", "attention.group_norm_groups", "attention.kv_lora_rank", "pooling_type"),
    *("classifier.pooling_type", "dense_2_feat_in", "dense_3_feat_out", "pooling_type", "feed_forward_length"),
    *("rope.dimension_count", "rope.scaling.original_context_length", "decoder_start_token_id", "wkv.head_size"),
)
_FLOAT_KEYS = (
    *("rope.scaling.factor", "rope.scaling.attn_factor", "rope.scaling.yarn_ext_factor", "rope.freq_base_swa"),
    *("attention.scale", "attention.max_alibi_bias", "attention.clamp_kqv", "logit_scale", "residual_scale"),
    *("attn_logit_softcapping", "final_logit_softcapping", "expert_weights_scale", "embedding_scale"),
)


def mutant(rng: random.Random, good: Mapping[str, Tiny] | None = None) -> tuple[str, bytes]:
    """A description and the bytes of a file with one to three faults, or now and then none that matters; made of one of
    `good`, without which that is one that writes."""
    for _ in range(100):
        with suppress(ValueError, IndexError, KeyError, struct.error):
            # One fault can make another impossible, as when a list's length is a lie.
            return _mutant(rng, _GOOD if good is None else good)
    raise AssertionError("no fault is possible")


def _mutant(rng: random.Random, good: Mapping[str, Tiny]) -> tuple[str, bytes]:
    name = rng.choice(list(good))
    tiny = deepcopy(good[name])
    done = [name]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        change = rng.choice(_CHANGES)
        done.append(change.__name__.strip("_") + ":" + change(tiny, rng))
    data = bytearray(tiny.encode())
    if rng.random() < 0.3:
        change_bytes = rng.choice((_flip, _cut, _splice))
        done.append(change_bytes.__name__.strip("_"))
        data = change_bytes(data, len(data) - sum(len(tensor.data) for tensor in tiny.tensors), rng)
    return " ".join(done), bytes(data)


def _flip(data: bytearray, header: int, rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(header)] ^= 1 << rng.randrange(8)
    return data


def _cut(data: bytearray, header: int, rng: random.Random) -> bytearray:
    return data[: rng.choice((rng.randrange(len(data)), rng.randrange(header), len(data) - 1))]


def _splice(data: bytearray, header: int, rng: random.Random) -> bytearray:
    source, target, length = rng.randrange(header), rng.randrange(header), rng.choice((1, 4, 8, 64, 512))
    data[target : target + length] = data[source : source + length]
    return data


def _value(tiny: Tiny, rng: random.Random) -> str:
    entry = rng.choice(tiny.entries)
    if entry.type == STRING:
        entry.raw = string(rng.choice(_WORDS))
    elif entry.type == ARRAY:
        return _array(tiny, rng)
    else:
        entry.raw = _extreme(entry.type, rng)
    return f"{entry.key!r}={entry.raw[:16]!r}"


def _extreme(type_: int, rng: random.Random) -> bytes:
    if type_ == F32:
        return struct.pack("<f", rng.choice(_FLOATS))
    if type_ == U32:
        return struct.pack("<I", rng.choice(_COUNTS))
    return rng.choice((bytes(_SIZES[type_]), b"\xff" * _SIZES[type_], rng.randbytes(_SIZES[type_])))


def _array(tiny: Tiny, rng: random.Random) -> str:
    entry = rng.choice([entry for entry in tiny.entries if entry.type == ARRAY])
    item, count = struct.unpack_from("<IQ", entry.raw)
    how = rng.choice(("claim", "type", "shorter", "longer", "item", "single"))
    if how == "claim":
        entry.raw = (
            struct.pack("<IQ", item, rng.choice((*_COUNTS, count + 1, count - 1, 1 << 61, (1 << 64) - 1)))
            + entry.raw[12:]
        )
    elif how == "type":
        entry.raw = struct.pack("<IQ", rng.randrange(14), count) + entry.raw[12:]
    elif how == "single":
        entry.type, entry.raw = U32, struct.pack("<I", count)
    elif item == STRING:
        entry.raw = strings("", _changed(_unpack_strings(entry), how, rng)).raw
    else:
        size = _SIZES[item]
        body = bytearray(entry.raw[12:])
        place = rng.randrange(max(count, 1)) * size
        if how == "shorter":
            del body[place : place + size * rng.choice((1, count))]
        elif how == "longer":
            body += body[place : place + size]
        else:
            body[place : place + size] = _extreme(item, rng)
        entry.raw = struct.pack("<IQ", item, len(body) // size) + body
    return f"{entry.key!r} {how}"


def _unpack_strings(entry: Entry) -> list[bytes]:
    count, place, found = struct.unpack_from("<Q", entry.raw, 4)[0], 12, []
    for _ in range(count):
        (length,) = struct.unpack_from("<Q", entry.raw, place)
        found.append(entry.raw[place + 8 : place + 8 + length])
        place += 8 + length
    return found


def _changed(items: list[bytes], how: str, rng: random.Random) -> list[bytes]:
    place = rng.randrange(len(items))
    if how == "shorter":
        del items[place : place + rng.choice((1, 1, 100, len(items)))]
    elif how == "longer":
        items.append(rng.choice((items[place], b"new", b"")))
    else:
        other = items[rng.randrange(len(items))]
        items[place] = rng.choice(
            (b"", other, b"\0", other + b"\0x", b"\xff\xfe", b"x" * 5000, b"<0x", b" ", b"a b c", b"<mask>")
        )
    return items


def _type(tiny: Tiny, rng: random.Random) -> str:
    entry = rng.choice(tiny.entries)
    entry.type = rng.choice((*range(13), 13, 255, (1 << 32) - 1))
    return repr(entry.key)


def _missing(tiny: Tiny, rng: random.Random) -> str:
    entry = rng.choice(tiny.entries)
    tiny.entries.remove(entry)
    return repr(entry.key)


def _twice(tiny: Tiny, rng: random.Random) -> str:
    entry = deepcopy(rng.choice(tiny.entries))
    entry.key += rng.choice((b"", b"\0", b"\0x", b" "))
    tiny.entries.insert(rng.randrange(len(tiny.entries) + 1), entry)
    return repr(entry.key)


def _renamed(tiny: Tiny, rng: random.Random) -> str:
    entry = rng.choice(tiny.entries)
    entry.key = rng.choice((b"", entry.key[:-1], entry.key + b"\0", b"\xff" * 8, b"k" * 70000, b"general.alignment"))
    return repr(entry.key[:20])


def _added(tiny: Tiny, rng: random.Random) -> str:
    arch = next((e.raw[8:].decode() for e in tiny.entries if e.key == b"general.architecture"), "llama")
    entry = rng.choice(
        (
            single(f"{arch}.{rng.choice(_COUNT_KEYS)}", U32, rng.choice(_COUNTS)),
            single(f"{arch}.{rng.choice(_FLOAT_KEYS)}", F32, rng.choice(_FLOATS)),
            numbers(
                f"{arch}.rope.dimension_sections",
                I32,
                [rng.choice((0, 1, 4, 8, -1)) for _ in range(rng.choice((3, 4, 5)))],
            ),
            numbers(
                f"{arch}.attention.sliding_window_pattern",
                BOOL,
                [rng.random() < 0.5 for _ in range(rng.choice((1, 2, 3)))],
            ),
            numbers(f"{arch}.attention.head_count", U32, [rng.choice((0, 1, 2, 4, 8)) for _ in range(2)]),
            numbers(f"{arch}.attention.head_count_kv", U32, [rng.choice((0, 1, 2, 4, 8)) for _ in range(2)]),
            numbers(f"{arch}.feed_forward_length", U32, [rng.choice((0, 96, 128)) for _ in range(2)]),
            text(f"{arch}.rope.scaling.type", rng.choice(_WORDS)),
            text(f"{arch}.hidden_activation", rng.choice(("relu", "silu", "gelu", "reglu", ""))),
            strings(f"{arch}.classifier.output_labels", ["a", "b", "c"][: rng.choice((0, 1, 2, 3))]),
            single("tokenizer.ggml.token_type_count", U32, rng.choice(_COUNTS)),
            single("tokenizer.ggml.seperator_token_id", U32, rng.choice(_COUNTS)),
            single(f"{arch}.pooling_type", U32, rng.randrange(6)),
            single(f"{arch}.attention.causal", BOOL, rng.random() < 0.5),
            single(f"{arch}.use_parallel_residual", BOOL, rng.random() < 0.5),
            single("tokenizer.ggml.add_eos_token", BOOL, True),
            single("tokenizer.ggml.add_bos_token", BOOL, True),
            single("tokenizer.ggml.add_sep_token", BOOL, True),
            single("tokenizer.ggml.remove_extra_whitespaces", BOOL, True),
            single(
                f"tokenizer.ggml.{rng.choice(('bos', 'eos', 'eot', 'padding', 'unknown'))}_token_id",
                U32,
                rng.choice(_COUNTS),
            ),
            single("general.alignment", U32, rng.choice(_COUNTS)),
            single("general.alignment", U64, 32),
            single("split.count", U16, rng.choice((0, 1, 2, 65535))),
            text("general.name", rng.choice(("phi-3", "modern-bert", "x" * 5000))),
            text("general.type", rng.choice(_WORDS)),
        )
    )
    tiny.put(entry)
    return f"{entry.key!r} {entry.raw[:16]!r}"


def _tensor(tiny: Tiny, rng: random.Random) -> str:
    if not tiny.tensors:
        return ""
    tensor = rng.choice(tiny.tensors)
    how = rng.choice(
        ("name", "type", "retype", "shape", "rank", "offset", "drop", "twice", "order", "data", "transpose")
    )
    if how == "name":
        tensor.name = rng.choice(
            (b"", tensor.name + b"\0", b"x" * 63, b"x" * 64, b"blk.7.x", tensor.name[:-1], b"\xff")
        )
    elif how == "type":
        tensor.type = rng.choice((*range(44), 1 << 31, (1 << 32) - 1))
    elif how == "retype":
        # Of the same size, so that only the kernels would notice.
        tensor.type = {0: 26, 1: rng.choice((25, 30)), 8: 8}[tensor.type] if tensor.type in (0, 1, 8) else tensor.type
    elif how == "shape":
        tensor.shape[rng.randrange(len(tensor.shape))] = rng.choice(
            (0, 1, 31, 32, 63, 1 << 32, 1 << 62, 1 << 63, (1 << 64) - 1)
        )
    elif how == "rank":
        tensor.shape = rng.choice(([], [*tensor.shape, 1], [*tensor.shape, 1, 1, 1, 1], [1, *tensor.shape]))
    elif how == "offset":
        tensor.offset = rng.choice((0, 1, 32, 1 << 20, 1 << 63, (1 << 64) - 32))
    elif how == "drop":
        tiny.tensors.remove(tensor)
    elif how == "twice":
        tiny.tensors.append(deepcopy(tensor))
    elif how == "order":
        rng.shuffle(tiny.tensors)
    elif how == "transpose":
        tensor.shape.reverse()
    else:
        tensor.data = rng.choice((bytes(len(tensor.data)), b"\xff" * len(tensor.data), rng.randbytes(len(tensor.data))))
    return f"{tensor.name[:40]!r} {how} {tensor.type} {tensor.shape}"


def _head(tiny: Tiny, rng: random.Random) -> str:
    how = rng.choice(("version", "keys", "tensors", "alignment"))
    if how == "version":
        tiny.version = rng.choice((0, 1, 2, 4, 3 << 24, (1 << 32) - 1))
    elif how == "keys":
        tiny.n_keys = rng.choice((0, 1, len(tiny.entries) + 1, len(tiny.entries) - 1, 1 << 63, (1 << 64) - 1))
    elif how == "tensors":
        tiny.n_tensors = rng.choice((0, 1, len(tiny.tensors) + 1, len(tiny.tensors) - 1, 1 << 63, (1 << 64) - 1))
    else:
        tiny.alignment = rng.choice((1, 2, 4, 8, 16, 64, 4096))
        tiny.put(single("general.alignment", U32, tiny.alignment))
    return how


_CHANGES: tuple[Callable[[Tiny, random.Random], str], ...] = (
    *(_value, _value, _value, _array, _array, _type, _missing, _twice, _renamed),
    *(_added, _added, _added, _tensor, _tensor, _tensor, _head),
)
_GOOD = {name: make() for name, make in MODELS.items()}
