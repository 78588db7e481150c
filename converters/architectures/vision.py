"""What the vision parts of all models share in an `--mmproj` file: the encoder's keys, and its patch embedding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoglm_lite.errors import ConversionError
from converters.architectures.family import MAX_LAYERS, TensorRule
from converters.config import Config, positive_number, read_json_if_there
from converters.keyvalues import KeyValues, ValueType
from converters.rows import Rows, Whole

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NAME = "clip"
"""The architecture of every such file."""

PREFIX = f"{NAME}.vision"

NOT_VISION = r"^(?!visual\.)"
"""Finds the tensors that are no part of the encoder."""

N_CHANNEL = 3
"""Colours; llama.cpp's encoders know no other number."""

PROCESSOR = "preprocessor_config"
"""The key under which a config holds what `with_processor` read."""


def with_processor(folder: Path, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The config.json `raw` together with what the files of `folder` say about preparing an image.

    The later file counts, and in each what is said of images, as MmprojModel of llama.cpp's conversion/base.py has it.
    """
    found: dict[str, Any] = {}
    for name, inner in (("preprocessor_config.json", "media_proc_cfg"), ("processor_config.json", "image_processor")):
        said = read_json_if_there(folder / name)
        found |= said | Config(said).table(inner)
    return {**raw, PROCESSOR: found}


def encoder_config(config: Config, defaults: Mapping[str, Any]) -> Config:
    """The part of config.json that describes the encoder; raises ConversionError when there is none."""
    if not config.table("vision_config"):
        raise ConversionError("config.json has no vision_config, so this checkpoint has no vision part to convert.")
    return Config(config.table("vision_config"), defaults)


def n_embd_text(config: Config) -> int:
    """The width of the language model, into which images are projected."""
    inner = Config(config.table("text_config"))
    return (inner if inner.has("hidden_size") else config).integer("hidden_size")


def n_block(encoder: Config) -> int:
    """Layers of the encoder."""
    return encoder.integer("depth", most=MAX_LAYERS)


def add_encoder(config: Config, encoder: Config, keys: KeyValues, file_type: int, n_embd: int, n_ff: int) -> None:
    """Adds what llama.cpp's converter writes for every encoder (MmprojModel in conversion/base.py).

    `n_embd` and `n_ff` are the encoder's width and that of its feed-forward layers.
    """
    keys.uint32("general.file_type", file_type)
    keys.boolean(f"{NAME}.has_vision_encoder", True)
    keys.uint32(f"{PREFIX}.projection_dim", n_embd_text(config))
    keys.uint32(f"{PREFIX}.image_size", encoder.integer("image_size", most=1 << 20))
    keys.uint32(f"{PREFIX}.patch_size", encoder.integer("patch_size", most=1 << 12))
    keys.uint32(f"{PREFIX}.embedding_length", n_embd)
    keys.uint32(f"{PREFIX}.feed_forward_length", n_ff)
    keys.uint32(f"{PREFIX}.block_count", n_block(encoder))
    keys.uint32(f"{PREFIX}.attention.head_count", encoder.integer("num_heads", most=1 << 12))
    for key in ("image_mean", "image_std"):
        keys.array(f"{PREFIX}.{key}", ValueType.FLOAT32, _colours(config, key))


def _colours(config: Config, key: str) -> list[float]:
    values = config.table(PROCESSOR).get(key)
    if not isinstance(values, list) or len(values) != N_CHANNEL:
        raise ConversionError(
            f"preprocessor_config.json gives {key} as something else than {N_CHANNEL} numbers; download it again."
        )
    return [float(positive_number(value, key)) for value in values]


def patch_rules(encoder: Config, n_embd: int) -> tuple[TensorRule, TensorRule]:
    """The embedding of a patch: the checkpoint's convolution sees two images in time, llama.cpp has one for each."""
    patch, n_time = encoder.integer("patch_size", most=1 << 12), encoder.integer("temporal_patch_size")
    if n_time != 2 or encoder.integer("in_channels") != N_CHANNEL:
        raise ConversionError("config.json describes patches that are not two images of three colours deep.")
    shape = (n_embd, N_CHANNEL, n_time, patch, patch)
    source, target = "visual.patch_embed.proj.weight", "v.patch_embd.weight"
    return (
        TensorRule(source, target, shape, make=_image(0, shape)),
        TensorRule(source, f"{target}.1", shape, make=_image(1, shape)),
    )


def _image(time: int, shape: tuple[int, ...]) -> Callable[[Rows], Rows]:
    def change(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return values[:, :, time]

    return lambda rows: Whole(rows, (*shape[:2], *shape[3:]), change)


def rename(name: str) -> str:
    """The name that a checkpoint written before transformers 4.52 has."""
    return name.removeprefix("model.")
