"""Writes profiles/models.toml: the models worth having on small machines, with sizes computed from their shapes.

    python scripts/model_sizes.py

A model's tensors follow from its config.json; which type each gets is the converter's own choice, which is that of
llama-quantize. So the sizes are exact for the tensors; a file has some MB more, for its vocabulary.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

ROOT = Path(__file__).parent.parent
QWEN_25 = "hf:Qwen/Qwen2.5-{0}-Instruct-GGUF/qwen2.5-{1}-instruct-{2}.gguf"
FILES = {
    "GLM-Edge 1.5B Chat": ("Q4_K_M", "hf:zai-org/glm-edge-1.5b-chat-gguf/ggml-model-Q4_K_M.gguf"),
    "GLM-Edge 4B Chat": ("Q4_K_M", "hf:zai-org/glm-edge-4b-chat-gguf/ggml-model-Q4_K_M.gguf"),
    "GLM-4 9B 0414": ("Q4_K_M", "hf:unsloth/GLM-4-9B-0414-GGUF/GLM-4-9B-0414-Q4_K_M.gguf"),
    "GLM-Z1 9B 0414": ("Q4_K_M", "hf:unsloth/GLM-Z1-9B-0414-GGUF/GLM-Z1-9B-0414-Q4_K_M.gguf"),
    "GLM-4.1V 9B Thinking": (
        "Q4_K_M",
        "hf:mradermacher/GLM-4.1V-9B-Thinking-GGUF/GLM-4.1V-9B-Thinking-Q4_K_M.gguf",
    ),
    "AutoGLM-Phone 9B": ("Q4_K_M", "hf:ggml-org/AutoGLM-Phone-9B-GGUF/AutoGLM-Phone-9B-Q4_K_M.gguf"),
    "Qwen2.5 0.5B Instruct": ("Q8_0", QWEN_25.format("0.5B", "0.5b", "q8_0")),
    "Qwen2.5 1.5B Instruct": ("Q4_K_M", QWEN_25.format("1.5B", "1.5b", "q4_k_m")),
    "Qwen2.5 3B Instruct": ("Q4_K_M", QWEN_25.format("3B", "3b", "q4_k_m")),
    "Qwen2.5 7B Instruct": ("Q4_K_M", "hf:bartowski/Qwen2.5-7B-Instruct-GGUF/Qwen2.5-7B-Instruct-Q4_K_M.gguf"),
    "Qwen2.5 Coder 1.5B Instruct": (
        "Q4_K_M",
        "hf:Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    ),
    "Qwen3 0.6B": ("Q8_0", "hf:Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf"),
    "Qwen3 1.7B": ("Q8_0", "hf:Qwen/Qwen3-1.7B-GGUF/Qwen3-1.7B-Q8_0.gguf"),
    "Qwen3 4B": ("Q4_K_M", "hf:Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf"),
    "Qwen3 4B Instruct 2507": (
        "Q4_K_M",
        "hf:unsloth/Qwen3-4B-Instruct-2507-GGUF/Qwen3-4B-Instruct-2507-Q4_K_M.gguf",
    ),
    "Qwen3 8B": ("Q4_K_M", "hf:Qwen/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf"),
    "Llama 3.2 1B Instruct": (
        "Q4_K_M",
        "hf:bartowski/Llama-3.2-1B-Instruct-GGUF/Llama-3.2-1B-Instruct-Q4_K_M.gguf",
    ),
    "Llama 3.2 3B Instruct": (
        "Q4_K_M",
        "hf:bartowski/Llama-3.2-3B-Instruct-GGUF/Llama-3.2-3B-Instruct-Q4_K_M.gguf",
    ),
    "Gemma 2 2B IT": ("Q4_K_M", "hf:bartowski/gemma-2-2b-it-GGUF/gemma-2-2b-it-Q4_K_M.gguf"),
    "Gemma 3 270M IT": ("Q8_0", "hf:ggml-org/gemma-3-270m-it-GGUF/gemma-3-270m-it-Q8_0.gguf"),
    "Gemma 3 1B IT": ("Q8_0", "hf:ggml-org/gemma-3-1b-it-GGUF/gemma-3-1b-it-Q8_0.gguf"),
    "Gemma 3 4B IT": ("Q4_K_M", "hf:ggml-org/gemma-3-4b-it-GGUF/gemma-3-4b-it-Q4_K_M.gguf"),
    "Phi-4 Mini Instruct": ("Q4_K_M", "hf:unsloth/Phi-4-mini-instruct-GGUF/Phi-4-mini-instruct-Q4_K_M.gguf"),
    "SmolLM2 135M Instruct": (
        "Q8_0",
        "hf:bartowski/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct-Q8_0.gguf",
    ),
    "SmolLM2 1.7B Instruct": (
        "Q4_K_M",
        "hf:HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF/smollm2-1.7b-instruct-q4_k_m.gguf",
    ),
    "Phi-3 Mini 4K Instruct": ("Q4_K_M", "hf:microsoft/Phi-3-mini-4k-instruct-gguf/Phi-3-mini-4k-instruct-q4.gguf"),
    "SmolLM2 360M Instruct": (
        "Q8_0",
        "hf:HuggingFaceTB/SmolLM2-360M-Instruct-GGUF/smollm2-360m-instruct-q8_0.gguf",
    ),
    "InternLM3 8B Instruct": (
        "Q4_K_M",
        "hf:internlm/internlm3-8b-instruct-gguf/internlm3-8b-instruct-q4_k_m.gguf",
    ),
    "SmolLM3 3B": ("Q4_K_M", "hf:ggml-org/SmolLM3-3B-GGUF/SmolLM3-Q4_K_M.gguf"),
}
GOOD_AT = {
    "GLM-Edge 1.5B Chat": ("chinese", "conversation"),
    "GLM-Edge 4B Chat": ("chinese", "conversation"),
    "GLM-4 9B 0414": ("chinese", "writing", "code"),
    "Qwen2.5 0.5B Instruct": ("chinese", "little memory"),
    "Qwen2.5 1.5B Instruct": ("chinese", "conversation"),
    "Qwen2.5 3B Instruct": ("chinese", "writing", "code"),
    "Qwen3 0.6B": ("chinese", "little memory", "reasoning"),
    "Qwen3 1.7B": ("chinese", "reasoning"),
    "Qwen3 4B": ("chinese", "reasoning", "code"),
    "Qwen3 4B Instruct 2507": ("chinese", "conversation", "writing"),
    "Qwen3 8B": ("chinese", "reasoning", "code"),
    "Qwen2.5 7B Instruct": ("chinese", "writing", "code"),
    "Qwen2.5 Coder 1.5B Instruct": ("english", "code"),
    "GLM-Z1 9B 0414": ("chinese", "reasoning"),
    "Llama 3.2 1B Instruct": ("english", "conversation", "little memory"),
    "Llama 3.2 3B Instruct": ("english", "conversation", "writing"),
    "Gemma 2 2B IT": ("english", "conversation", "writing"),
    "Gemma 3 270M IT": ("english", "little memory"),
    "Gemma 3 1B IT": ("english", "conversation", "little memory"),
    "Gemma 3 4B IT": ("chinese", "conversation", "writing"),
    "Phi-4 Mini Instruct": ("english", "reasoning", "code"),
    "SmolLM2 1.7B Instruct": ("english", "conversation"),
    "InternLM3 8B Instruct": ("chinese", "writing"),
    "Phi-3 Mini 4K Instruct": ("english", "reasoning"),
    "SmolLM2 135M Instruct": ("english", "little memory"),
    "SmolLM2 360M Instruct": ("english", "little memory"),
    "SmolLM3 3B": ("english", "reasoning"),
}
SMALL = ("Q4_0", "Q4_K_M", "Q6_K", "Q8_0")
LARGE = ("Q3_K_M", "Q4_0", "Q4_K_M")
TINY = ("Q8_0",)

HEAD = """\
# Models worth having on small machines; GLM first. Written by scripts/model_sizes.py.
#
# id: the name for `autoglm-lite pull`, and with :Q4_K_M or the like behind it for that type.
# parameters, bytes: computed from the shapes in each model's config.json. bytes are those of the tensors alone, with
# the types that `autoglm-lite convert` and llama-quantize give them; a file has some MB more, for its vocabulary.
# context: tokens that the model was trained for. kv_bytes: what each token of context takes, at f16.
# licence: that of the weights. Sliding windows, as Gemma has, make its cache smaller than kv_bytes says.
# files: where a GGUF of a type can be had by anyone, from the model's makers where they give one. good_at: what for; a
# model without is not proposed, though it can be had.
"""


@dataclass(frozen=True)
class Shape:
    architecture: str
    n_layer: int
    n_embd: int
    n_ff: int
    n_head: int
    n_head_kv: int
    n_vocab: int
    head: int = 128
    tied: bool = True
    fused_qkv: bool = False
    fused_ffn: bool = False
    qkv_bias: bool = False
    qk_norm: bool = False
    norms: int = 2
    """Of each layer, beside those of queries and keys."""

    @property
    def kv_bytes(self) -> int:
        return 2 * 2 * self.n_layer * self.n_head_kv * self.head

    def tensors(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Names in GGUF and shapes, outermost first."""
        yield "token_embd.weight", (self.n_vocab, self.n_embd)
        yield "output_norm.weight", (self.n_embd,)
        if not self.tied:
            yield "output.weight", (self.n_vocab, self.n_embd)
        for i in range(self.n_layer):
            for name, shape in self._layer():
                yield f"blk.{i}.{name}", shape

    def _layer(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        n_q, n_kv = self.n_head * self.head, self.n_head_kv * self.head
        parts = {"q": n_q, "k": n_kv, "v": n_kv}
        if self.fused_qkv:
            parts = {"qkv": n_q + 2 * n_kv}
        for part, size in parts.items():
            yield f"attn_{part}.weight", (size, self.n_embd)
            if self.qkv_bias:
                yield f"attn_{part}.bias", (size,)
        yield "attn_output.weight", (self.n_embd, n_q)
        if self.fused_ffn:
            yield "ffn_up.weight", (2 * self.n_ff, self.n_embd)
        else:
            yield "ffn_gate.weight", (self.n_ff, self.n_embd)
            yield "ffn_up.weight", (self.n_ff, self.n_embd)
        yield "ffn_down.weight", (self.n_embd, self.n_ff)
        for number in range(self.norms):
            yield f"norm{number}_norm.weight", (self.n_embd,)
        if self.qk_norm:
            yield "attn_q_norm.weight", (self.head,)
            yield "attn_k_norm.weight", (self.head,)


@dataclass(frozen=True)
class Entry:
    name: str
    family: str
    reference: str
    context: int
    licence: str
    types: tuple[str, ...]
    shape: Shape


GLM4 = Shape(*("glm4", 40, 4096, 13696, 32, 2, 151552), tied=False, fused_ffn=True, qkv_bias=True, norms=4)
ENTRIES = (
    Entry(
        *("GLM-Edge 1.5B Chat", "GLM", "hf:zai-org/glm-edge-1.5b-chat", 8192, "GLM-4 licence", SMALL),
        Shape("chatglm", 28, 2048, 6144, 16, 4, 59264, tied=False, fused_ffn=True),
    ),
    Entry(
        *("GLM-Edge 4B Chat", "GLM", "hf:zai-org/glm-edge-4b-chat", 8192, "GLM-4 licence", SMALL),
        Shape("chatglm", 40, 3072, 8192, 24, 6, 59264, tied=False, fused_ffn=True),
    ),
    Entry("GLM-4 9B 0414", "GLM", "hf:zai-org/GLM-4-9B-0414", 32768, "MIT", LARGE, GLM4),
    Entry("GLM-Z1 9B 0414", "GLM", "hf:zai-org/GLM-Z1-9B-0414", 32768, "MIT", LARGE, GLM4),
    Entry("GLM-4.1V 9B Thinking", "GLM", "hf:zai-org/GLM-4.1V-9B-Thinking", 65536, "MIT", LARGE, GLM4),
    Entry("AutoGLM-Phone 9B", "GLM", "hf:zai-org/AutoGLM-Phone-9B", 65536, "MIT", LARGE, GLM4),
    Entry(
        *("Qwen2.5 0.5B Instruct", "Qwen", "hf:Qwen/Qwen2.5-0.5B-Instruct", 32768, "Apache-2.0", TINY),
        Shape("qwen2", 24, 896, 4864, 14, 2, 151936, head=64, qkv_bias=True),
    ),
    Entry(
        *("Qwen2.5 1.5B Instruct", "Qwen", "hf:Qwen/Qwen2.5-1.5B-Instruct", 32768, "Apache-2.0", SMALL),
        Shape("qwen2", 28, 1536, 8960, 12, 2, 151936, qkv_bias=True),
    ),
    Entry(
        *("Qwen2.5 3B Instruct", "Qwen", "hf:Qwen/Qwen2.5-3B-Instruct", 32768, "Qwen Research licence", SMALL),
        Shape("qwen2", 36, 2048, 11008, 16, 2, 151936, qkv_bias=True),
    ),
    Entry(
        *("Qwen2.5 7B Instruct", "Qwen", "hf:Qwen/Qwen2.5-7B-Instruct", 32768, "Apache-2.0", LARGE),
        Shape("qwen2", 28, 3584, 18944, 28, 4, 152064, tied=False, qkv_bias=True),
    ),
    Entry(
        *("Qwen2.5 Coder 1.5B Instruct", "Qwen", "hf:Qwen/Qwen2.5-Coder-1.5B-Instruct", 32768, "Apache-2.0", SMALL),
        Shape("qwen2", 28, 1536, 8960, 12, 2, 151936, qkv_bias=True),
    ),
    Entry(
        *("Qwen3 0.6B", "Qwen", "hf:Qwen/Qwen3-0.6B", 40960, "Apache-2.0", SMALL),
        Shape("qwen3", 28, 1024, 3072, 16, 8, 151936, qk_norm=True),
    ),
    Entry(
        *("Qwen3 1.7B", "Qwen", "hf:Qwen/Qwen3-1.7B", 40960, "Apache-2.0", SMALL),
        Shape("qwen3", 28, 2048, 6144, 16, 8, 151936, qk_norm=True),
    ),
    Entry(
        *("Qwen3 4B", "Qwen", "hf:Qwen/Qwen3-4B", 40960, "Apache-2.0", SMALL),
        Shape("qwen3", 36, 2560, 9728, 32, 8, 151936, qk_norm=True),
    ),
    Entry(
        *("Qwen3 4B Instruct 2507", "Qwen", "hf:Qwen/Qwen3-4B-Instruct-2507", 262144, "Apache-2.0", SMALL),
        Shape("qwen3", 36, 2560, 9728, 32, 8, 151936, qk_norm=True),
    ),
    Entry(
        *("Qwen3 8B", "Qwen", "hf:Qwen/Qwen3-8B", 40960, "Apache-2.0", LARGE),
        Shape("qwen3", 36, 4096, 12288, 32, 8, 151936, tied=False, qk_norm=True),
    ),
    Entry(
        *("Llama 3.2 1B Instruct", "Llama", "hf:meta-llama/Llama-3.2-1B-Instruct", 131072),
        *("Llama 3.2 Community licence", SMALL),
        Shape("llama", 16, 2048, 8192, 32, 8, 128256, head=64),
    ),
    Entry(
        *("Llama 3.2 3B Instruct", "Llama", "hf:meta-llama/Llama-3.2-3B-Instruct", 131072),
        *("Llama 3.2 Community licence", SMALL),
        Shape("llama", 28, 3072, 8192, 24, 8, 128256),
    ),
    Entry(
        *("Gemma 2 2B IT", "Gemma", "hf:google/gemma-2-2b-it", 8192, "Gemma Terms of Use", SMALL),
        Shape("gemma2", 26, 2304, 9216, 8, 4, 256000, head=256, norms=4),
    ),
    Entry(
        *("Gemma 3 270M IT", "Gemma", "hf:google/gemma-3-270m-it", 32768, "Gemma Terms of Use", TINY),
        Shape("gemma3", 18, 640, 2048, 4, 1, 262144, head=256, norms=4, qk_norm=True),
    ),
    Entry(
        *("Gemma 3 1B IT", "Gemma", "hf:google/gemma-3-1b-it", 32768, "Gemma Terms of Use", TINY),
        Shape("gemma3", 26, 1152, 6912, 4, 1, 262144, head=256, norms=4, qk_norm=True),
    ),
    Entry(
        *("Gemma 3 4B IT", "Gemma", "hf:google/gemma-3-4b-it", 131072, "Gemma Terms of Use", SMALL),
        Shape("gemma3", 34, 2560, 10240, 8, 4, 262208, head=256, norms=4, qk_norm=True),
    ),
    Entry(
        *("Phi-3 Mini 4K Instruct", "Phi", "hf:microsoft/Phi-3-mini-4k-instruct", 4096, "MIT", SMALL),
        Shape("phi3", 32, 3072, 8192, 32, 32, 32064, head=96, tied=False, fused_qkv=True, fused_ffn=True),
    ),
    Entry(
        *("Phi-4 Mini Instruct", "Phi", "hf:microsoft/Phi-4-mini-instruct", 131072, "MIT", SMALL),
        Shape("phi3", 32, 3072, 8192, 24, 8, 200064, fused_qkv=True, fused_ffn=True),
    ),
    Entry(
        *("SmolLM2 135M Instruct", "SmolLM", "hf:HuggingFaceTB/SmolLM2-135M-Instruct", 8192, "Apache-2.0", TINY),
        Shape("llama", 30, 576, 1536, 9, 3, 49152, head=64),
    ),
    Entry(
        *("SmolLM2 360M Instruct", "SmolLM", "hf:HuggingFaceTB/SmolLM2-360M-Instruct", 8192, "Apache-2.0", TINY),
        Shape("llama", 32, 960, 2560, 15, 5, 49152, head=64),
    ),
    Entry(
        *("SmolLM2 1.7B Instruct", "SmolLM", "hf:HuggingFaceTB/SmolLM2-1.7B-Instruct", 8192, "Apache-2.0", SMALL),
        Shape("llama", 24, 2048, 8192, 32, 32, 49152, head=64),
    ),
    Entry(
        *("SmolLM3 3B", "SmolLM", "hf:HuggingFaceTB/SmolLM3-3B", 65536, "Apache-2.0", SMALL),
        Shape("smollm3", 36, 2048, 11008, 16, 4, 128256),
    ),
    Entry(
        *("MiniCPM 2B", "MiniCPM", "hf:openbmb/MiniCPM-2B-sft-bf16", 4096, "MiniCPM Model licence", SMALL),
        Shape("minicpm", 40, 2304, 5760, 36, 36, 122753, head=64),
    ),
    Entry(
        *("InternLM3 8B Instruct", "InternLM", "hf:internlm/internlm3-8b-instruct", 32768, "Apache-2.0", LARGE),
        Shape("llama", 48, 4096, 10240, 32, 2, 128512, tied=False),
    ),
)


def parameters(shape: Shape) -> int:
    return sum(prod(size) for _, size in shape.tensors())


def tensor_bytes(shape: Shape, type_name: str) -> int:
    """Bytes of all tensors in a file of this type."""
    from converters.mixture import Candidate, Network, choose_types
    from converters.quantisation import file_order
    from converters.types import F16, F32, file_type
    from converters.wishes import Wishes

    kind = file_type(type_name)
    network = Network(shape.architecture, shape.n_layer, shape.n_head // shape.n_head_kv, 0, is_70b=False)
    tensors = sorted(shape.tensors(), key=lambda pair: file_order(pair[0]))
    candidates = [Candidate(name, size, F32 if len(size) == 1 else F16) for name, size in tensors]
    chosen = choose_types(network, candidates, Wishes(kind)) if kind.quantised else [one.type for one in candidates]
    return sum(kind.nbytes(one.shape) for one, kind in zip(candidates, chosen, strict=True))


def page() -> str:
    """The whole file."""
    blocks = [HEAD]
    for entry in ENTRIES:
        sizes = ", ".join(f"{name} = {tensor_bytes(entry.shape, name):_}" for name in entry.types)
        lines = (
            "[[model]]",
            f'id = "{short(entry.name)}"',
            f'name = "{entry.name}"',
            f'family = "{entry.family}"',
            f'reference = "{entry.reference}"',
            f"parameters = {parameters(entry.shape):_}",
            f"context = {entry.context:_}",
            f"kv_bytes = {entry.shape.kv_bytes:_}",
            f'licence = "{entry.licence}"',
            f"bytes = {{ {sizes} }}",
            *_had(entry.name),
        )
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def short(name: str) -> str:
    """What people type: `GLM-Edge 1.5B Chat` is glm-edge-1.5b, and `Qwen3 4B` is qwen3-4b."""
    return name.lower().replace(" ", "-").removesuffix("-chat")


def _had(name: str) -> Iterator[str]:
    if name in FILES:
        yield 'files = {{ {} = "{}" }}'.format(*FILES[name])
    if name in GOOD_AT:
        yield "good_at = [{}]".format(", ".join(f'"{what}"' for what in GOOD_AT[name]))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    (ROOT / "profiles" / "models.toml").write_text(page(), encoding="utf-8")
