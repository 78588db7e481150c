"""Vision parts (`--mmproj`) against llama.cpp's tools, and what they compute against transformers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from converting import convert, plan
from encoding import encode
from glm_variants import DIGESTS, PHONE, QWEN2_5, VISION, VISION_TYPES, gone, new_names, seeing
from make_vision import EXPECTED, NAMES, picture
from variants import Variant, make
from weights import CHECKPOINTS, copy_checkpoint

from autoglm_lite.errors import ConversionError

THEIRS: dict[str, str] = json.loads(DIGESTS.read_text("utf-8"))["vision"]


@pytest.mark.parametrize("kind", VISION_TYPES)
@pytest.mark.parametrize("name", VISION)
def test_file_is_that_of_llama_cpp(name: str, kind: str, tmp_path: Path) -> None:
    out = convert(make(VISION[name], tmp_path / name), tmp_path / "out.gguf", kind, mmproj=True)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == THEIRS[f"{name} {kind}"]


@pytest.mark.parametrize("name", NAMES)
def test_picture_becomes_what_transformers_makes_of_it(name: str, tmp_path: Path) -> None:
    folder = copy_checkpoint(CHECKPOINTS / name, tmp_path / name)
    model = convert(folder, tmp_path / "model.gguf", "F32")
    theirs = np.load(EXPECTED / f"{name}.npy")
    # llama.cpp computes the patch embedding with F16 inputs; and Q8_0 encoders of random weights err by a tenth.
    for kind, most in (("F32", 0.004), ("Q8_0", 0.2)):
        ours = encode(model, convert(folder, tmp_path / f"{kind}.gguf", kind, mmproj=True), picture())
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < most * theirs.std()


@pytest.mark.parametrize("base", ["Qwen2-VL-2B-Instruct", QWEN2_5])
def test_tensors_may_have_their_newer_names(base: str, tmp_path: Path) -> None:
    # llama.cpp's converter does not find them under these.
    folder = make(Variant(base), tmp_path / "name")
    old = convert(folder, tmp_path / "old.gguf", "F16", mmproj=True)
    (shard,) = folder.glob("*.safetensors")
    data = shard.read_bytes()
    size = int.from_bytes(data[:8], "little")
    tensors = {new_names(name): held for name, held in json.loads(data[8 : 8 + size]).items() if name[:2] != "__"}
    header = json.dumps(tensors).encode()
    shard.write_bytes(len(header).to_bytes(8, "little") + header + data[8 + size :])
    assert convert(folder, tmp_path / "new.gguf", "F16", mmproj=True).read_bytes() == old.read_bytes()


def test_later_and_nearer_word_on_colours_counts(tmp_path: Path) -> None:
    folder = make(Variant(PHONE), tmp_path / "phone")
    near = {"image_mean": [0.25, 0.5, 0.75], "image_std": [0.5, 0.5, 0.5]}
    (folder / "processor_config.json").write_text(json.dumps({"image_mean": [1.0, 1.0, 1.0], "image_processor": near}))
    found = plan(folder, "F16", mmproj=True).draft.keys.get("clip.vision.image_mean")
    assert found is not None
    assert found.content == [0.25, 0.5, 0.75]


def test_no_colours_are_one_sentence(tmp_path: Path) -> None:
    folder = make(Variant(PHONE), tmp_path / "phone")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ConversionError, match="image_mean"):
        plan(folder, "F16", mmproj=True)


def test_language_model_alone_has_no_vision_part(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="no vision part"):
        plan(make(Variant("GLM-4-9B-0414"), tmp_path / "model"), "F16", mmproj=True)


@pytest.mark.parametrize(
    ("base", "config", "text"),
    [
        (PHONE, gone("vision_config"), "no vision_config"),
        (PHONE, {"vision_config": 3}, "vision_config as 3"),
        (PHONE, seeing(PHONE, temporal_patch_size=1), "two images"),
        (PHONE, seeing(PHONE, depth=0), "depth as 0"),
        (PHONE, seeing(PHONE, hidden_size=64), "calls for"),
        (QWEN2_5, seeing(QWEN2_5, fullatt_block_indexes=[1, 2]), "fullatt_block_indexes"),
        (QWEN2_5, seeing(QWEN2_5, fullatt_block_indexes=[]), "fullatt_block_indexes"),
        ("Qwen2-VL-2B-Instruct", seeing("Qwen2-VL-2B-Instruct", mlp_ratio="four"), "mlp_ratio"),
    ],
)
def test_config_without_sense_is_one_sentence(base: str, config: dict[str, Any], text: str, tmp_path: Path) -> None:
    folder = make(Variant(base, config), tmp_path / "model")
    with pytest.raises(ConversionError, match=text):
        plan(folder, "F16", mmproj=True)
