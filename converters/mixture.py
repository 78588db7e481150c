"""Which type each tensor gets: the mixtures of llama-quantize, rule by rule (src/llama-quant.cpp of llama.cpp)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from autoglm_lite.errors import ConversionError
from converters.types import F16, TENSOR_TYPES, FileType, TensorType
from converters.wishes import Wishes


@dataclass(frozen=True, slots=True)
class Network:
    """What the rules ask about a model."""

    architecture: str
    n_layer: int
    """All blocks, those for prediction included, before any is dropped."""
    n_gqa: int
    """Query heads for each key-value head, of the first layer."""
    n_expert: int
    is_70b: bool
    """llama.cpp counts it among the models of 70 billion parameters."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tensor before its type is chosen: its GGUF name, shape (outermost first) and present type."""

    name: str
    shape: tuple[int, ...]
    type: TensorType


class Category(Enum):
    """Tensors that the rules treat alike."""

    OUTPUT = auto()
    TOKEN_EMBD = auto()
    ATTN_V = auto()
    ATTN_K = auto()
    ATTN_Q = auto()
    ATTN_OUTPUT = auto()
    FFN_UP = auto()
    FFN_GATE = auto()
    FFN_DOWN = auto()
    OTHER = auto()


NEVER = (
    "_norm.weight",
    "ffn_gate_inp.weight",
    "ffn_gate_tid2eid.weight",
    "altup",
    "laurel",
    "per_layer_model_proj",
    "ssm_conv1d",
    "shortconv.conv.weight",
    "indexer.k_proj.weight",
    "indexer.q_proj.weight",
    "time_mix_first.weight",
    *(
        f"time_mix_{letter}{number}.weight"
        for letter, last in (("w", 2), ("v", 2), ("a", 2))
        for number in range(last + 1)
    ),
    "time_mix_g1.weight",
    "time_mix_g2.weight",
    "time_mix_decay_w1.weight",
    "time_mix_decay_w2.weight",
    "time_mix_lerp_fused.weight",
    "attn_rel_b.weight",
    ".position_embd",
    "sam.pos_embd",
    "sam.neck.",
    "sam.net_",
    ".rel_pos",
    ".patch_embd",
    ".patch_merger",
    "a.rvq.codebook",
    "mm.a.code_embd",
)
"""Parts of names of tensors that keep the type they have."""

FALLBACKS = {
    **dict.fromkeys(("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_XS"), "IQ4_NL"),
    **dict.fromkeys(("Q2_0", "Q2_K", "Q3_K", "TQ1_0", "TQ2_0"), "Q4_0"),
    "Q4_K": "Q5_0",
    "Q5_K": "Q5_1",
    "Q6_K": "Q8_0",
}
"""What takes the place of a type whose block does not divide the row."""

NEEDS_IMPORTANCE = ("IQ3_XXS", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ1_M", "IQ1_S")
"""Types that llama-quantize refuses without an importance matrix, but for the embedding and the output."""

CANNOT_WITHOUT_IMPORTANCE = ("IQ2_XXS", "IQ2_XS", "IQ1_S")
"""Types that ggml cannot encode without one (`ggml_quantize_requires_imatrix`), whatever the tensor."""

TINY = ("IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ1_S", "IQ1_M")
"""File types of about two bits and less, which have rules of their own."""

EIGHT_EXPERTS_OUTPUT = (
    *("Q2_K", "IQ3_XS", "IQ3_XXS", "Q3_K_S", "Q3_K_M", "IQ4_NL", "Q4_K_S", "Q4_K_M", "IQ3_S", "IQ3_M", "IQ4_XS"),
)
"""File types that give a model of eight experts a better attention output."""


def choose_types(network: Network, tensors: Sequence[Candidate], wishes: Wishes) -> list[TensorType]:
    """The type of each of `tensors`, which must be in the order of the file (by layer, then by name).

    Raises ConversionError when a type needs an importance matrix that is not there, a shape refuses a demanded type,
    or a quantised tensor would be quantised again.
    """
    categories = [category(tensor.name) for tensor in tensors]
    rules = _Rules(
        network,
        wishes,
        tied=Category.OUTPUT not in categories,
        n_attn_v=sum(found is Category.ATTN_V for found in categories),
    )
    chosen = [rules.choose(tensor, found) for tensor, found in zip(tensors, categories, strict=True)]
    for tensor, kind in zip(tensors, chosen, strict=True):
        check_type(tensor, kind, wishes)
    return chosen


def category(name: str) -> Category:
    """What kind of tensor `name` is."""
    if name == "output.weight":
        return Category.OUTPUT
    if name in ("token_embd.weight", "per_layer_token_embd.weight"):
        return Category.TOKEN_EMBD
    for parts, found in (
        (("attn_qkv.weight", "attn_kv_b.weight", "attn_v.weight"), Category.ATTN_V),
        (("attn_k.weight",), Category.ATTN_K),
        (("attn_q.weight",), Category.ATTN_Q),
        (("attn_output.weight",), Category.ATTN_OUTPUT),
        (("ffn_up",), Category.FFN_UP),
        (("ffn_gate",), Category.FFN_GATE),
        (("ffn_down",), Category.FFN_DOWN),
    ):
        if any(part in name for part in parts):
            return found
    return Category.OTHER


def may_quantise(name: str, shape: Sequence[int]) -> bool:
    """Whether a tensor may get another type at all: matrices and stacks of them, but no norms, gates and the like."""
    # ggml does not count outer dimensions of one.
    inner = list(shape)
    while len(inner) > 1 and inner[0] == 1:
        inner.pop(0)
    if len(inner) < 2 or not name.endswith("weight") or name in ("position_embd.weight", "token_types.weight"):
        return False
    return not any(part in name for part in NEVER)


def fallback(kind: TensorType, n_per_row: int) -> TensorType:
    """`kind`, or what stands in for it in rows that its blocks do not divide."""
    if n_per_row % kind.block_values == 0:
        return kind
    other = TENSOR_TYPES[FALLBACKS.get(kind.name, kind.name)]
    return other if n_per_row % other.block_values == 0 else F16


def named_type(name: str, shape: Sequence[int], wishes: Wishes) -> TensorType | None:
    """The type that `wishes` name for the tensor `name`, or what stands in for it; None where they name none."""
    found = category(name)
    manual = next((kind for pattern, kind in wishes.tensor_types if pattern.search(name)), None)
    if (
        wishes.embedding_type
        and found is Category.TOKEN_EMBD
        and not (name == "per_layer_token_embd.weight" and manual)
    ):
        return wishes.embedding_type
    if wishes.output_type and found is Category.OUTPUT:
        return wishes.output_type
    return manual and fallback(manual, shape[-1])


def use_more_bits(layer: int, n_layer: int) -> bool:
    """The first and last eighth of the layers, and every third between."""
    return layer < n_layer // 8 or layer >= 7 * n_layer // 8 or (layer - n_layer // 8) % 3 == 2


@dataclass(slots=True)
class _Rules:
    network: Network
    wishes: Wishes
    tied: bool
    n_attn_v: int
    seen: dict[Category, int] = field(default_factory=dict)
    """Tensors of a category so far: the rules count them instead of reading the layer's number."""

    def choose(self, tensor: Candidate, found: Category) -> TensorType:
        main = self.wishes.file_type.main
        if not may_quantise(tensor.name, tensor.shape):
            return tensor.type
        named = named_type(tensor.name, tensor.shape, self.wishes)
        if named is not None:
            return named
        if not main.quantised:
            return main
        mixed = None if self.wishes.pure else self._mix(tensor, found, self.wishes.file_type)
        return fallback(TENSOR_TYPES[mixed] if mixed else main, tensor.shape[-1])

    def _mix(self, tensor: Candidate, found: Category, file_type: FileType) -> str | None:
        """The mixture's choice, or None for the main type."""
        name, n_expert = file_type.name, self.network.n_expert
        if found is Category.OUTPUT or (self.tied and found is Category.TOKEN_EMBD):
            return self._output(tensor, file_type)
        if name == "MXFP4_MOE":
            return "MXFP4" if len(tensor.shape) > 2 and tensor.shape[-3] > 1 else "Q8_0"
        if found is Category.TOKEN_EMBD:
            return _embedding(name)
        place = self.seen.get(found, 0)
        self.seen[found] = place + 1
        if found in (Category.FFN_DOWN, Category.FFN_GATE, Category.FFN_UP) and n_expert > 1 and name not in TINY:
            place = self._layer(tensor.name)
        if name in TINY:
            return self._tiny(found, name, place)
        if found is Category.ATTN_V:
            return self._attn_v(name, place, file_type.main.name)
        if found is Category.ATTN_K:
            return "Q8_0" if n_expert == 8 else {"IQ3_XS": "IQ3_XXS", "IQ3_XXS": "IQ2_S"}.get(name)
        if found is Category.ATTN_Q:
            return {"IQ3_XS": "IQ3_XXS", "IQ3_XXS": "IQ2_S"}.get(name)
        if found is Category.FFN_DOWN:
            return self._ffn_down(name, place)
        if found is Category.ATTN_OUTPUT:
            return self._attn_output(name)
        if found in (Category.FFN_GATE, Category.FFN_UP) and name == "IQ3_XS":
            n_layer = self.network.n_layer
            return "IQ3_XXS" if n_layer // 8 <= place < 7 * n_layer // 8 else None
        return None

    def _layer(self, name: str) -> int:
        number = re.match(r"blk\.(\d+)\.", name)
        if number is None or int(number[1]) >= self.network.n_layer:
            raise ConversionError(f"tensor {name} is of no layer that the model has, so its type cannot be chosen.")
        return int(number[1])

    def _output(self, tensor: Candidate, file_type: FileType) -> str | None:
        if self.wishes.output_type:
            return self.wishes.output_type.name
        name, main = file_type.name, file_type.main
        if name == "MXFP4_MOE" or self.network.architecture == "falcon" or tensor.shape[-1] % main.block_values:
            return "Q8_0"
        if name in TINY or name == "IQ3_XXS":
            return "Q5_K"
        return None if name == "Q8_0" else "Q6_K"

    def _tiny(self, found: Category, name: str, place: int) -> str | None:
        better = "IQ3_S" if name in ("IQ2_S", "IQ2_M") else "Q2_K"
        if found is Category.ATTN_V:
            return "Q4_K" if self.network.n_gqa >= 4 or self.network.n_expert >= 4 else better
        if found is Category.ATTN_K and self.network.n_expert == 8:
            return "Q4_K"
        if found is Category.FFN_DOWN and place < self.network.n_layer // 8:
            return better
        if found is Category.ATTN_OUTPUT:
            if self.network.n_expert == 8:
                return "Q5_K"
            return {"IQ1_S": "IQ2_XXS", "IQ1_M": "IQ2_XXS", "IQ2_S": "IQ3_S", "IQ2_M": "IQ3_S"}.get(name)
        return None

    def _attn_v(self, name: str, place: int, main: str) -> str | None:
        if self.network.n_expert == 8:
            return "Q8_0"
        grouped = self.network.n_gqa >= 4
        chosen = {
            "Q2_K": "Q4_K" if grouped else "Q3_K",
            "Q2_K_S": "Q4_K" if grouped else None,
            "IQ3_XXS": "Q4_K" if grouped else None if self.wishes.importance else "IQ3_S",
            "IQ3_XS": "Q4_K" if grouped else None,
            "IQ3_S": "Q4_K" if grouped else None,
            "IQ3_M": "Q4_K",
            "Q3_K_M": "Q5_K" if place < 2 else "Q4_K",
            "Q3_K_L": "Q5_K",
            "IQ4_NL": "Q5_K" if grouped else None,
            "IQ4_XS": "Q5_K" if grouped else None,
            "Q4_K_M": "Q6_K" if use_more_bits(place, self.n_attn_v) else None,
            "Q5_K_M": "Q6_K" if use_more_bits(place, self.n_attn_v) else None,
            "Q4_K_S": "Q5_K" if place < 4 else None,
        }.get(name)
        if self.network.is_70b and (chosen or main) in ("Q3_K", "Q4_K"):
            return "Q5_K"
        return chosen

    def _ffn_down(self, name: str, place: int) -> str | None:
        n_layer, falcon = self.network.n_layer, self.network.architecture == "falcon"
        first, known = place < n_layer // 8, self.wishes.importance is not None
        more = use_more_bits(place, n_layer)
        match name:
            case "Q2_K":
                return "Q3_K"
            case "Q2_K_S" if first:
                return "Q4_K"
            case "IQ3_XXS" if not known:
                return "Q4_K" if first else "Q3_K"
            case "Q3_K_M" if place < n_layer // 16:
                return "Q5_K"
            case "Q3_K_M":
                return "Q4_K" if not falcon or more else "Q3_K"
            case "IQ3_M" if first or (self.network.n_expert == 8 and more):
                return "Q4_K"
            case "Q3_K_L":
                return "Q4_K" if falcon else "Q5_K"
            case "Q4_K_M" if falcon:
                return "Q6_K" if place < n_layer // 16 else "Q5_K" if more else "Q4_K"
            case "Q4_K_M" | "Q5_K_M" if more:
                return "Q6_K"
            case "IQ4_NL" | "IQ4_XS" if first and not known:
                return "Q5_K"
            case "Q4_K_S" if first and not falcon:
                return "Q5_K"
            case "Q4_0" | "Q5_0" if first and known:
                return "Q4_1" if name == "Q4_0" else "Q5_1"
        return None

    def _attn_output(self, name: str) -> str | None:
        if self.network.architecture == "falcon":
            return "Q4_K" if name == "Q3_K_L" else None
        if self.network.n_expert == 8:
            return "Q5_K" if name in EIGHT_EXPERTS_OUTPUT else None
        return {"Q2_K": "Q3_K", "IQ3_XXS": "IQ3_S", "Q3_K_M": "Q4_K", "Q3_K_L": "Q5_K", "IQ3_M": "Q4_K"}.get(name)


def _embedding(name: str) -> str | None:
    if name in ("IQ2_XXS", "IQ2_XS", "IQ1_S", "IQ1_M"):
        return "Q2_K"
    if name in ("IQ2_S", "IQ2_M", "IQ3_XXS"):
        return "IQ3_S"
    return "Q4_K" if name in ("TQ1_0", "TQ2_0", "Q2_0") else None


def check_type(tensor: Candidate, kind: TensorType, wishes: Wishes) -> None:
    """Raises ConversionError when `tensor` cannot become `kind`, as `choose_types` says."""
    if kind is tensor.type:
        return
    if tensor.shape[-1] % kind.block_values:
        raise ConversionError(
            f"tensor {tensor.name} has rows of {tensor.shape[-1]} values, which {kind.name} cannot hold; "
            "name another type for it."
        )
    if tensor.type.quantised and not wishes.requantise:
        raise ConversionError(
            f"tensor {tensor.name} is quantised already ({tensor.type.name}), and quantising again loses more; "
            "start from a 16-bit file, or add --requantize."
        )
    needs = kind.name in NEEDS_IMPORTANCE or (kind.name == "Q2_K" and wishes.file_type.name == "Q2_K_S")
    if category(tensor.name) in (Category.OUTPUT, Category.TOKEN_EMBD):
        needs = kind.name in CANNOT_WITHOUT_IMPORTANCE
    if not needs:
        return
    known = wishes.importance is not None and tensor.name in wishes.importance.weights
    if not known:
        raise ConversionError(
            f"tensor {tensor.name} as {kind.name} needs an importance matrix; "
            "make one with autoglm-lite imatrix and give it with --imatrix, or choose a larger type."
        )
