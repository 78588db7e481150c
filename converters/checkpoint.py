"""A Hugging Face folder of safetensors: which tensors it holds, and where their bytes are."""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.errors import ConversionError
from converters.config import read_json
from converters.numbers import SAFETENSORS_TYPES
from converters.types import TensorType

HEADER_LIMIT = 25_000_000
"""Bytes of a safetensors header; the library's own limit is 100 MB, real headers stay under 1 MB."""

INDEX = "model.safetensors.index.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")


@dataclass(frozen=True, slots=True)
class SourceTensor:
    """One tensor of a checkpoint: C order, little-endian, `nbytes` bytes from `offset` in the file `path`."""

    name: str
    type: TensorType
    shape: tuple[int, ...]
    path: Path
    offset: int
    nbytes: int


def open_checkpoint(folder: Path) -> list[SourceTensor]:
    """The tensors of `folder`, shard by shard and by name within each: the order in which they are converted.

    Raises ConversionError for missing or damaged shards, pickles, and number formats that we do not read.
    """
    index = folder / INDEX
    listed = read_index(index) if index.exists() else None
    shards = sorted(set(listed.values())) if listed is not None else _find_shards(folder)
    tensors: dict[str, SourceTensor] = {}
    for shard in shards:
        path = folder / shard
        if not path.exists():
            raise ConversionError(f"{path} is missing although {INDEX} lists it; download that file too.")
        for tensor in read_shard(path):
            if tensor.name in tensors:
                twice = tensors[tensor.name].path.name
                raise ConversionError(
                    f"tensor {tensor.name} is in both {twice} and {shard}; download the folder again."
                )
            tensors[tensor.name] = tensor
    if listed is not None and (odd := sorted(tensors.keys() ^ listed.keys())):
        where = "in no shard" if odd[0] in listed else "in a shard only"
        raise ConversionError(
            f"{INDEX} and the shards disagree: tensor {odd[0]} is {where}; download the folder again."
        )
    return list(tensors.values())


def read_shard(path: Path) -> list[SourceTensor]:
    """The tensors of one safetensors file by name, its header checked by the safetensors library.

    Raises ConversionError when the library refuses the file or a tensor's number format is not ours.
    """
    from safetensors import SafetensorError, safe_open

    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConversionError(f"{path} is not a regular file; the checkpoint is incomplete, download it again.")
        with path.open("rb") as file:
            header_bytes = int.from_bytes(file.read(8), "little")
        if header_bytes > HEADER_LIMIT:
            raise ConversionError(
                f"{path} announces a header of {header_bytes} bytes, more than the {HEADER_LIMIT} that make sense; "
                "the file is damaged or no safetensors file."
            )
        with safe_open(str(path), framework="np") as opened:
            # The library has checked that the data of the tensors follow one another without a gap.
            found, offset = [], 8 + header_bytes
            for name in opened.offset_keys():
                part = opened.get_slice(name)
                tensor = _locate(path, name, part.get_dtype(), part.get_shape(), offset)
                offset += tensor.nbytes
                found.append(tensor)
    except OSError as error:
        raise ConversionError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (SafetensorError, ValueError) as error:
        raise ConversionError(f"{path} is no sound safetensors file ({error}); download it again.") from error
    return sorted(found, key=lambda tensor: tensor.name)


def _locate(path: Path, name: str, dtype: str, shape: Sequence[int], offset: int) -> SourceTensor:
    kind = SAFETENSORS_TYPES.get(dtype)
    if kind is None:
        raise ConversionError(
            f"tensor {name} in {path.name} has the number format {dtype}; "
            f"only {', '.join(SAFETENSORS_TYPES)} can be read: look for the unquantised release of this model."
        )
    return SourceTensor(name, kind, tuple(shape), path, offset, kind.nbytes(shape))


def read_index(path: Path) -> dict[str, str]:
    weight_map = read_json(path).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ConversionError(f"{path} has no weight_map; download it again.")
    for shard in weight_map.values():
        # A shard is a file of this folder: an index must not make us read anything else.
        if (
            not isinstance(shard, str)
            or not shard.endswith(".safetensors")
            or Path(shard).name != shard
            or "\\" in shard
        ):
            raise ConversionError(f"{path} lists a shard that is no .safetensors file of its folder; do not trust it.")
    return weight_map


def _find_shards(folder: Path) -> list[str]:
    names = sorted(entry.name for entry in folder.iterdir())
    shards = [name for name in names if name.startswith("model") and name.endswith(".safetensors")]
    if not shards:
        raise ConversionError(_no_safetensors(folder, names))
    numbered = re.fullmatch(r"model-\d+-of-(\d{1,6})\.safetensors", shards[0])
    if numbered and len(shards) != int(numbered[1]):
        raise ConversionError(
            f"{folder} holds {len(shards)} of {int(numbered[1])} safetensors files; download the others too."
        )
    return shards


def _no_safetensors(folder: Path, names: Sequence[str]) -> str:
    pickles = [name for name in names if name.lower().endswith(PICKLES)]
    return (
        refuse_pickle(folder / pickles[0]) if pickles else f"{folder} holds no model*.safetensors; is it a checkpoint?"
    )


def refuse_pickle(path: Path) -> str:
    """The sentence for a checkpoint that exists only as a pickle."""
    return (
        f"{path} is a pickle, which can run any program while it is read, so it is not opened; "
        "use the model's safetensors files, or a release that has them."
    )
