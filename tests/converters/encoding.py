"""What llama.cpp's libmtmd makes of a picture with a converted model."""

from __future__ import annotations

import ctypes
from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autoglm_lite.native.bindings import bindings

IMAGE = 1
"""MTMD_INPUT_CHUNK_TYPE_IMAGE."""


def encode(model_path: Path, mmproj_path: Path, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The embeddings (n_tokens, n_embd) of `picture` (height, width, 3), computed on one thread of the processor."""
    lib = bindings()
    mtmd = import_module("llama_cpp.mtmd_cpp")
    wanted = lib.llama_model_default_params()
    wanted.n_gpu_layers = 0
    model = lib.llama_model_load_from_file(str(model_path).encode(), wanted)
    assert model, "the language model does not load"
    parameters = mtmd.mtmd_context_params_default()
    parameters.use_gpu, parameters.warmup, parameters.n_threads = False, False, 1
    context = mtmd.mtmd_init_from_file(str(mmproj_path).encode(), model, parameters)
    assert context, "the vision part does not load"
    height, width, _ = picture.shape
    pixels = (ctypes.c_uint8 * picture.size).from_buffer_copy(picture.tobytes())
    bitmap = mtmd.mtmd_bitmap_init(width, height, pixels)
    marker = mtmd.mtmd_default_marker()
    text = mtmd.mtmd_input_text()
    text.text, text.text_len, text.add_special, text.parse_special = marker, len(marker), False, True
    chunks = mtmd.mtmd_input_chunks_init()
    try:
        assert mtmd.mtmd_tokenize(context, chunks, ctypes.byref(text), (ctypes.c_void_p * 1)(bitmap), 1) == 0
        several = [mtmd.mtmd_input_chunks_get(chunks, place) for place in range(mtmd.mtmd_input_chunks_size(chunks))]
        (chunk,) = [one for one in several if mtmd.mtmd_input_chunk_get_type(one) == IMAGE]
        assert mtmd.mtmd_encode_chunk(context, chunk) == 0
        shape = mtmd.mtmd_input_chunk_get_n_tokens(chunk), lib.llama_model_n_embd(model)
        found: npt.NDArray[np.float32] = np.ctypeslib.as_array(mtmd.mtmd_get_output_embd(context), shape=shape).copy()
        return found
    finally:
        mtmd.mtmd_input_chunks_free(chunks)
        mtmd.mtmd_bitmap_free(bitmap)
        mtmd.mtmd_free(context)
        lib.llama_model_free(model)
