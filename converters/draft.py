"""The 16-bit GGUF file that convert_hf_to_gguf would write, as a plan: nothing of it ever reaches the disk."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from autoglm_lite.errors import ConversionError
from converters.architectures import find_family
from converters.architectures.family import Named, map_tensors
from converters.architectures.vision import with_processor
from converters.checkpoint import PICKLES, open_checkpoint, refuse_pickle
from converters.config import Config, read_json
from converters.keyvalues import KeyValues
from converters.metadata import Parameters, add_general
from converters.rows import Rows, n_per_row
from converters.scales import weights
from converters.tensors import OutputTensor
from converters.types import BF16, F16, F32, FileType, TensorType

QUANTIZATION_VERSION = 2
"""GGML_QNT_VERSION: the generation of ggml's block formats."""

ALWAYS_F32 = ("ffn_gate_inp.weight", "ffn_gate_inp_shexp.weight", "position_embd.weight", "token_types.weight")
"""Endings of matrices that convert_hf_to_gguf leaves in F32 (prepare_tensors in llama.cpp's conversion/base.py)."""

IMAGE_INPUT = (".patch_embd.weight", ".patch_merger.weight")
"""Parts of names of matrices that an image encoder has in F16 or F32, never in BF16 (MmprojModel in the same file)."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A GGUF file before types are chosen: its metadata and tensors in order."""

    source: Path
    architecture: str
    keys: KeyValues
    tensors: Sequence[OutputTensor]
    notices: Sequence[str]
    """Sentences about files that were left out."""

    @property
    def n_params(self) -> int:
        return sum(prod(tensor.shape) for tensor in self.tensors)


def draft_checkpoint(source: Path, kind: FileType, mmproj: bool = False) -> Draft:
    """What convert_hf_to_gguf makes of the checkpoint `source`: in `kind` when that is a 16 or 32-bit type, else
    in BF16 when the checkpoint is, and in F16 for all others. Raises ConversionError.
    """
    folder = checkpoint_folder(source)
    raw = read_json(folder / "config.json")
    found = find_family(Config(raw), mmproj)
    merged = with_processor(folder, raw) if mmproj else merge_text_config(raw)
    config = Config(merged, found.defaults)
    values = weights(open_checkpoint(folder), Config(merged).table("quantization_config"))
    if not kind.quantised:
        base, number = kind.main, kind.number
    else:
        base = BF16 if _is_bf16(values) else F16
        number = 32 if base is BF16 else 1
    named = map_tensors(found, config, values)
    tensors = [OutputTensor(one.name, one.rows, _base(one, base), _base(one, base)) for one in named]
    keys = KeyValues()
    keys.string("general.architecture", found.name)
    keys.string("general.type", "mmproj" if mmproj else "model")
    notices = add_general(folder, Parameters.of(tensors), keys)
    found.parameters(config, keys, number)
    keys.uint32("general.quantization_version", QUANTIZATION_VERSION)
    if found.tokenizer:
        found.tokenizer(folder, config, keys)
    return Draft(folder, found.name, keys, tensors, notices)


def merge_text_config(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A multimodal config.json with the description of its language model lifted to the top."""
    for key in ("text_config", "llm_config"):
        if isinstance(inner := raw.get(key), dict):
            return {**raw, **inner, "architectures": raw.get("architectures")}
    return dict(raw)


def checkpoint_folder(source: Path) -> Path:
    """The folder of a checkpoint, under the name it was given; raises ConversionError when it is none."""
    # The name of the folder names the model, so a link keeps its own.
    folder = source.absolute() if source.name not in ("", "..") else source.resolve()
    if not folder.exists():
        raise ConversionError(f"{source} does not exist; give the folder of a Hugging Face checkpoint.")
    if not folder.is_dir():
        if folder.name.lower().endswith(PICKLES):
            raise ConversionError(refuse_pickle(source))
        raise ConversionError(
            f"{source} is a file; give the folder that holds config.json and the safetensors files, or a GGUF file."
        )
    if not os.access(folder, os.R_OK | os.X_OK):
        raise ConversionError(f"{source} cannot be read: no permission.")
    return folder


def _base(named: Named, base: TensorType) -> TensorType:
    """The type of a tensor in the 16-bit file: vectors, norms and gates stay F32."""
    if named.type is not None:
        return named.type
    name = named.name
    if any(part in name for part in IMAGE_INPUT):
        return base if base is F16 else F32
    if len(named.rows.shape) <= 1 or name.endswith(("_norm.weight", *ALWAYS_F32)) or not name.endswith(".weight"):
        return F32
    return base


def _is_bf16(values: Mapping[str, Rows]) -> bool:
    """Whether the first matrix that is not FP8 is BF16: config.json's own word for it is often wrong."""
    for rows in values.values():
        kind = next(rows.sources).type
        if n_per_row(rows) > 1 and kind in (BF16, F16):
            return kind is BF16
    return False
