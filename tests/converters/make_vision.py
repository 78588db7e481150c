"""Computes with transformers what the vision parts of the test checkpoints make of a picture.

    python tests/converters/make_vision.py

writes NAME.npy to tests/data/vision for each: embeddings of shape (n_tokens, n_embd of the language model), F32. Needs
torch and transformers 4.57.6 in an environment of its own.
"""

from __future__ import annotations

import json
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from weights import CHECKPOINTS, copy_checkpoint

EXPECTED = CHECKPOINTS.parent / "vision"
NAMES = ("AutoGLM-Phone-9B", "Qwen2-VL-2B-Instruct", "Qwen2.5-VL-3B-Instruct")

WIDTH, HEIGHT = 168, 112
"""Pixels; whole patches, so that neither side has to scale the picture."""


def picture() -> npt.NDArray[np.uint8]:
    """Something of many colours and no symmetry, (HEIGHT, WIDTH, 3)."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    red, green, blue = x * 7 + y * 3, x * x // 5 + y * 11, x * y // 3 + 40 * ((x // 9 + y // 5) % 3)
    return np.stack([red % 256, green % 256, blue % 256], axis=-1).astype(np.uint8)


def patches(config: dict[str, Any], processor: dict[str, Any]) -> npt.NDArray[np.float32]:
    """The picture as Qwen2-VL's encoder gets it: patches of two equal images, neighbours that are merged together."""
    size, merge = config["patch_size"], config["spatial_merge_size"]
    mean, deviation = (np.array(processor[key], np.float32) for key in ("image_mean", "image_std"))
    image = ((picture().astype(np.float32) / 255 - mean) / deviation).transpose(2, 0, 1)
    rows, columns = HEIGHT // size // merge, WIDTH // size // merge
    split = np.stack([image, image]).reshape(2, 3, rows, merge, size, columns, merge, size)
    found: npt.NDArray[np.float32] = split.transpose(2, 5, 3, 6, 1, 0, 4, 7).reshape(-1, 3 * 2 * size * size)
    return found


def main() -> None:
    """Writes the expected embeddings."""
    # By name, because type checking happens where neither is installed.
    torch, transformers = import_module("torch"), import_module("transformers")
    EXPECTED.mkdir(exist_ok=True)
    for name in NAMES:
        with tempfile.TemporaryDirectory() as scratch:
            folder = copy_checkpoint(CHECKPOINTS / name, Path(scratch, name))
            known = transformers.AutoModelForImageTextToText
            model = known.from_pretrained(folder, dtype=torch.float32).eval()
            config = json.loads((folder / "config.json").read_text("utf-8"))["vision_config"]
            processor = json.loads((folder / "preprocessor_config.json").read_text("utf-8"))
        size = config["patch_size"]
        grid = torch.tensor([[1, HEIGHT // size, WIDTH // size]])
        with torch.no_grad():
            found = model.model.get_image_features(torch.tensor(patches(config, processor)), grid)
        np.save(EXPECTED / f"{name}.npy", torch.cat(list(found)).numpy())


if __name__ == "__main__":
    main()
