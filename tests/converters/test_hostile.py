"""Files that somebody broke, by accident or on purpose: one sentence, no file left, never a traceback."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from checkpoints import STORIES, llama_config, llama_tensors, make, pack, weights, write_json, write_safetensors
from converting import convert, plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from weights import CHECKPOINTS, copy_checkpoint
from weights import names as checkpoint_names

from autoglm_lite.errors import ConversionError
from converters.checkpoint import HEADER_LIMIT, read_shard
from converters.metadata import read_card
from converters.numbers import SAFETENSORS_TYPES
from converters.tokenizers.pieces import read_pieces

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["llama3", "yarn", "linear", "LlamaForCausalLM", "<s>", "Regex", "ByteLevel", 0, 1, 8, 1e400]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=6,
)
FUZZ = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def convert_or_refuse(folder: Path, out: Path) -> bool:
    """Converts, or is refused with a sentence; either way nothing else lies in the target's folder afterwards."""
    out.unlink(missing_ok=True)
    try:
        convert(folder, out, "Q4_K_M")
    except ConversionError as error:
        sentence = str(error)
        assert sentence
        assert sentence.isprintable()
        assert len(sentence) < 1000
        assert not list(out.parent.iterdir())
        return False
    assert list(out.parent.iterdir()) == [out]
    return True


def paths(value: Any, prefix: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a JSON value."""
    found = [prefix] if prefix else []
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        # Long lists and vocabularies are all alike: their beginning stands for them.
        if len(found) < 400:
            found += paths(child, (*prefix, key))
    return found


def replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """A copy of `value` with `new` at `path`."""
    if not path:
        return new
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    parent = tmp_path_factory.mktemp("sound")
    return {name: make(name, parent) for name in ("Tiny-Llama3-2M-Instruct", "tiny-qwen", "tiny-sentencepiece-v2")}


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Tiny-Llama3-2M-Instruct", "config.json"),
        ("tiny-sentencepiece-v2", "config.json"),
        ("Tiny-Llama3-2M-Instruct", "tokenizer.json"),
        ("tiny-qwen", "tokenizer_config.json"),
        ("tiny-sentencepiece-v2", "tokenizer_config.json"),
        ("tiny-qwen", "generation_config.json"),
        ("Tiny-Llama3-2M-Instruct", "model.safetensors.index.json"),
    ],
)
@FUZZ
@given(data=st.data())
def test_hostile_json(name: str, file: str, sound: dict[str, Path], tmp_path: Path, data: st.DataObject) -> None:
    path = sound[name] / file
    original = path.read_text("utf-8")
    value = json.loads(original)
    target = tmp_path / "out"
    target.mkdir(exist_ok=True)
    for _ in range(data.draw(st.integers(1, 2))):
        value = replaced(value, data.draw(st.sampled_from(paths(value))), data.draw(JSON))
    try:
        path.write_text(json.dumps(value), encoding="utf-8")
        convert_or_refuse(sound[name], target / "out.gguf")
    finally:
        path.write_text(original, encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", checkpoint_names())
@settings(FUZZ, max_examples=40)
@given(data=st.data())
def test_hostile_config_of_each_family(name: str, families: Callable[[str], Path], data: st.DataObject) -> None:
    """What can be said before any tensor is read: a plan, or a sentence."""
    path = families(name) / "config.json"
    original = path.read_text("utf-8")
    value = json.loads(original)
    for _ in range(data.draw(st.integers(1, 2))):
        value = replaced(value, data.draw(st.sampled_from(paths(value))), data.draw(JSON))
    said = "fine"
    try:
        path.write_text(json.dumps(value), encoding="utf-8")
        plan(path.parent, "Q4_K_M")
    except ConversionError as error:
        said = str(error)
    finally:
        path.write_text(original, encoding="utf-8")
    assert said.isprintable()
    assert 0 < len(said) < 1000


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes a test checkpoint of a family, once."""
    parent = tmp_path_factory.mktemp("families")
    return cache(lambda name: copy_checkpoint(CHECKPOINTS / name, parent / name))


HEADER_PART = st.sampled_from(
    ["F32", "BF16", "F16", "I8", "F8_E4M3", "Q", "", None, -1, 0, 1, 2, 64, 1 << 62, 1 << 64, 1.5]
)


@FUZZ
@given(data=st.data())
def test_hostile_safetensors_header_gets_the_librarys_verdict(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "model.safetensors"
    write_safetensors(path, {name: pack(weights((4, 8), 1), "F32") for name in ("a", "b", "../../x")})
    raw = path.read_bytes()
    size = struct.unpack_from("<Q", raw)[0]
    header, body = json.loads(raw[8 : 8 + size]), raw[8 + size :]
    for _ in range(data.draw(st.integers(1, 2))):
        header = replaced(header, data.draw(st.sampled_from(paths(header))), data.draw(HEADER_PART | JSON))
    text = json.dumps(header).encode()
    claimed = len(text) + data.draw(st.sampled_from([0, 0, 0, 0, 1, -1, 1 << 40]))
    path.write_bytes(
        struct.pack("<Q", max(0, claimed)) + text + body[: data.draw(st.sampled_from([None, None, 1, 128]))]
    )
    check_verdict(path)


@FUZZ
@given(data=st.data())
def test_damaged_safetensors_bytes_get_the_librarys_verdict(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "model.safetensors"
    write_safetensors(path, {name: pack(weights((4, 8), 1), "BF16") for name in ("a", "b")})
    raw = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=3)):
        raw[place] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)) | st.just(len(raw)))])
    check_verdict(path)


def check_verdict(path: Path) -> None:
    """What the library refuses we refuse; what it takes is where it says, unless its number format is not ours."""
    try:
        with safe_open(str(path), framework="np") as opened:
            theirs = {name: opened.get_slice(name) for name in opened.offset_keys()}
            kinds = {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in theirs.items()}
    except (SafetensorError, OSError):
        with pytest.raises(ConversionError):
            read_shard(path)
        return
    if any(dtype not in SAFETENSORS_TYPES for dtype, _ in kinds.values()):
        with pytest.raises(ConversionError):
            read_shard(path)
        return
    ours = read_shard(path)
    assert {tensor.name: (tensor.type.name, tensor.shape) for tensor in ours} == kinds
    assert all(tensor.offset + tensor.nbytes <= path.stat().st_size for tensor in ours)


@FUZZ
@given(data=st.data())
def test_damaged_sentencepiece_model(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray((STORIES / "tokenizer.model").read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=4)):
        raw[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "tokenizer.model"
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)) | st.just(len(raw)))])
    try:
        pieces = read_pieces(path)
    except ConversionError:
        return
    assert all(text for text, _, _ in pieces)


@FUZZ
@given(
    text=st.text(max_size=300) | st.lists(st.sampled_from(["a: ", "- ", "[", "{", "&x ", "*x", "\n", "\t", "1", "'"]))
)
def test_hostile_model_card(tmp_path: Path, text: str | list[str]) -> None:
    path = tmp_path / "README.md"
    path.write_text("---\n" + "".join(text) + "\n---\n", encoding="utf-8")
    try:
        read_card(path)
    except ConversionError:
        return


def test_an_unsound_card_is_left_out_with_a_notice(tmp_path: Path) -> None:
    folder = make("tiny-qwen", tmp_path)
    (folder / "README.md").write_text("---\na: &a [1]\nb: [*a, *a]\n---\n", encoding="utf-8")
    (folder / "generation_config.json").write_text("{", encoding="utf-8")
    draft = plan(folder, "F16").draft
    assert len(draft.notices) == 2
    assert "general.sampling.temp" not in dict(draft.keys)


def test_header_beyond_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", HEADER_LIMIT + 1) + b"{}")
    with pytest.raises(ConversionError, match="announces a header of 25000001 bytes"):
        read_shard(path)


def test_nesting_without_end(tmp_path: Path) -> None:
    config = llama_config()
    write_json(tmp_path / "config.json", config)
    write_safetensors(tmp_path / "model.safetensors", llama_tensors(config, "F32"))
    (tmp_path / "tokenizer.json").write_text("[" * 200_000, encoding="utf-8")
    with pytest.raises(ConversionError, match=r"tokenizer\.json is not valid JSON"):
        plan(tmp_path, "F16")
