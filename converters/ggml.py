"""ggml's row quantisers, which can be imported only where llama.cpp suits this processor; LoadError elsewhere.

To be imported late, by what quantises: a conversion to 16 bits needs nothing native. The library that they live in is
compiled for any processor unless CFLAGS said otherwise when it was built, which nobody can see in its file.
"""

from __future__ import annotations

from autoglm_lite.hardware.build import refuse_foreign_build
from autoglm_lite.native.quantize import decode_blocks, encode_rows, prepare, sound_rows

__all__ = ["decode_blocks", "encode_rows", "prepare", "sound_rows"]

refuse_foreign_build()
