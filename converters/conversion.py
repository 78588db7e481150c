"""A whole conversion: planned from headers and small files alone, then written tensor by tensor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path

from autoglm_lite.errors import ConversionError
from converters import writer
from converters.architectures import find_family
from converters.architectures.family import map_tensors
from converters.checkpoint import PICKLES, open_checkpoint, refuse_pickle
from converters.config import Config, read_json
from converters.keyvalues import KeyValues
from converters.metadata import add_general
from converters.tensors import OutputTensor, encode
from converters.tokenizers import add_tokenizer
from converters.types import FileType

QUANTIZATION_VERSION = 2
"""GGML_QNT_VERSION: the generation of ggml's block formats."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a conversion will write, known before any tensor is read."""

    source: Path
    kind: FileType
    architecture: str
    n_params: int
    keys: KeyValues
    tensors: Sequence[OutputTensor]
    header: bytes
    notices: Sequence[str]
    """Sentences about files that were left out."""

    @property
    def nbytes(self) -> int:
        """Bytes of the GGUF file."""
        return writer.file_bytes(len(self.header), self.tensors)


def plan_conversion(source: Path, kind: FileType) -> Conversion:
    """Reads everything about the checkpoint `source` except its tensors' data; raises ConversionError."""
    with _printable_errors():
        return _plan(source, kind)


def write_conversion(
    conversion: Conversion, out: Path, n_threads: int, on_progress: Callable[[int, int], None] | None = None
) -> None:
    """Writes `conversion` to `out` on `n_threads` threads; `on_progress` hears bytes written and bytes in all.

    `out` appears, or is replaced, only when it is whole. Raises ConversionError; nothing is left behind then.
    """
    with _printable_errors():
        writer.check_target(out, conversion.nbytes)
        _write(conversion, out, n_threads, on_progress)


def _plan(source: Path, kind: FileType) -> Conversion:
    folder = _checkpoint_folder(source)
    raw = read_json(folder / "config.json")
    if raw.get("quantization_config"):
        raise ConversionError(f"{folder} is already quantised; look for the unquantised release of this model.")
    family = find_family(Config(raw))
    config = Config(raw, family.defaults)
    tensors = map_tensors(family, config, kind, open_checkpoint(folder))
    n_params = sum(prod(tensor.shape) for tensor in tensors)
    keys = KeyValues()
    keys.string("general.architecture", family.name)
    keys.string("general.type", "model")
    notices = add_general(folder, n_params, keys)
    family.parameters(config, keys)
    keys.uint32("general.file_type", kind.number)
    family.more_parameters(config, keys)
    keys.uint32("general.quantization_version", QUANTIZATION_VERSION)
    add_tokenizer(folder, config, keys)
    family.vocabulary(config, keys)
    return Conversion(folder, kind, family.name, n_params, keys, tensors, writer.header(keys, tensors), notices)


def _write(conversion: Conversion, out: Path, n_threads: int, on_progress: Callable[[int, int], None] | None) -> None:
    done, total = 0, conversion.nbytes
    with writer.atomic_file(out) as file, ThreadPoolExecutor(n_threads, thread_name_prefix="convert") as pool:
        file.write(conversion.header)
        done += len(conversion.header)
        for tensor in conversion.tensors:
            # One slab beyond the threads waits ready, so that writing and encoding overlap.
            with closing(encode(tensor, pool, n_threads + 1)) as blocks:
                for block in blocks:
                    file.write(block)
                    done += len(block)
                    if on_progress:
                        on_progress(done, total)
            file.write(bytes(writer.padding(tensor.nbytes)))
            done += writer.padding(tensor.nbytes)
    if done != total:
        raise AssertionError(f"{done} bytes written where {total} were planned")


def _checkpoint_folder(source: Path) -> Path:
    # The name of the folder names the model, so a link keeps its own.
    folder = source.absolute() if source.name not in ("", "..") else source.resolve()
    if not folder.exists():
        raise ConversionError(f"{source} does not exist; give the folder of a Hugging Face checkpoint.")
    if not folder.is_dir():
        if folder.name.lower().endswith(PICKLES):
            raise ConversionError(refuse_pickle(source))
        raise ConversionError(f"{source} is a file; give the folder that holds config.json and the safetensors files.")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise ConversionError(f"{source} cannot be read: no permission.")
    return folder


@contextmanager
def _printable_errors() -> Iterator[None]:
    """Keeps what a checkpoint says, such as a tensor's name, from breaking the line or steering the terminal."""
    try:
        yield
    except ConversionError as error:
        text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(error)[:800])
        raise ConversionError(text) from error
    except OSError as error:
        # What no closer place has explained, such as a folder that vanishes meanwhile.
        raise ConversionError(f"{error.filename or 'a file'!s} cannot be used: {error.strerror or error}.") from error
