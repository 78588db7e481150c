"""The types of GGUF files as people write them in the names of files: Q4_K_M, q4_k_m, fp16, UD-Q4_K_XL."""

from __future__ import annotations

import re

_TYPE = (
    r"(?:UD-)?(?:IQ[1-4]_(?:XXS|XS|S|M|NL)(?:_XL)?|Q[2-8]_K(?:_(?:XXL|XL|XS|S|M|L))?|Q[1-8]_[01](?:_(?:XL|L|4_4|4_8|8_8))?"
    r"|TQ[12]_0|MXFP4(?:_MOE)?|NVFP4|Q[2-8]|BF16|FP?16|FP?32)"
)
_IN_NAME = re.compile(rf"(?:^|(?<=[-._ ]))({_TYPE})(?=$|[-. ])", re.IGNORECASE)
_ALONE = re.compile(_TYPE, re.IGNORECASE)
OUT_OF_USE = frozenset({"Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8"})
"""Layouts of 2024 for single processors, which llama.cpp no longer reads: it makes them itself."""
_SAME = {"FP16": "F16", "FP32": "F32", "MXFP4": "MXFP4_MOE", "Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}
"""llama-quantize takes the one for the other."""
_BY_BITS = {"Q2": "Q2_K", "Q3": "Q3_K_M", "Q4": "Q4_K_M", "Q5": "Q5_K_M", "Q6": "Q6_K", "Q8": "Q8_0"}
"""What is usual where only the bits are said."""
MADE_BY_UNSLOTH = "UD-"
"""Behind it is the type that most tensors have; the others get better or worse ones."""


def type_in(name: str) -> tuple[str, str] | None:
    """The type that the name of a file, without its ending, speaks of, and the name without it. None without one."""
    found = list(_IN_NAME.finditer(name))
    if not found:
        return None
    last = found[-1]
    rest = re.sub(r"[-._ ]+$", "", name[: last.start()]) + name[last.end() :]
    return _usual(last[1]), rest.strip("-._ ")


def type_named(text: str) -> str | None:
    """The type that a user wrote, None for what is none."""
    return _usual(text) if _ALONE.fullmatch(text) else None


def fits_wish(type_: str, wish: str) -> int | None:
    """How near a file's type is to what was asked for: 0 for the same; None for another one."""
    alike = [wish, MADE_BY_UNSLOTH + wish]
    if wish in _BY_BITS:
        alike += [_BY_BITS[wish], MADE_BY_UNSLOTH + _BY_BITS[wish]]
    if wish in ("Q4_K_M", "Q5_K_M", "Q3_K_M", "Q6_K", "Q8_0"):
        alike.append(wish[:2])
    return alike.index(type_) if type_ in alike else None


def _usual(name: str) -> str:
    upper = name.upper()
    return _SAME.get(upper, upper)
