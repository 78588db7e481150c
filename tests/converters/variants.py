"""What a family's releases vary in, as changes of the test checkpoints, and what llama.cpp's tools make of them.

    python tests/converters/variants.py LLAMA_CPP_PYTHON TOOLS [NAME...]

writes variants.json: for each variant the SHA-256 of the F16 file of convert_hf_to_gguf, and of the Q4_K_M file that
llama-quantize (in the folder TOOLS) makes of its 16-bit file. Runs where oracle.py does.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from weights import CHECKPOINTS, OWN_FILES, pack, values, write_weights

DIGESTS = Path(__file__).with_name("variants.json")
TYPES = ("F16", "Q4_K_M")
GONE = object()
"""In place of a value: the key is absent."""

Tensors = dict[str, list[Any]]
"""A file of tensors.json: name to dtype, shape, mean and deviation."""
Change = Callable[[Tensors, Mapping[str, Any]], Tensors]


def _same(tensors: Tensors, config: Mapping[str, Any]) -> Tensors:
    return tensors


@dataclass(frozen=True)
class Variant:
    """The test checkpoint `base` with other values in config.json, other tensors, or another dtype of all."""

    base: str
    config: Mapping[str, Any] = field(default_factory=dict)
    tensors: Change = _same
    dtype: str = ""


def make(variant: Variant, target: Path) -> Path:
    """Writes the checkpoint to the new folder `target`."""
    source = CHECKPOINTS / variant.base
    target.mkdir(parents=True)
    for file in sorted(source.iterdir()):
        if file.is_file() and file.name not in OWN_FILES:
            shutil.copyfile(file, target / file.name)
    config = json.loads((target / "config.json").read_text("utf-8")) | dict(variant.config)
    config = {key: value for key, value in config.items() if value is not GONE}
    (target / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    listed = json.loads((source / "tensors.json").read_text("utf-8"))
    for file, tensors in listed["files"].items():
        changed = variant.tensors(tensors, config)
        listed["files"][file] = {name: [variant.dtype or dtype, *rest] for name, (dtype, *rest) in changed.items()}
    write_weights(listed, target)
    return target


def held(variant: Variant, name: str) -> npt.NDArray[np.float32]:
    """The tensor `name` of a variant, from what its weights are made of."""
    listed = json.loads((CHECKPOINTS / variant.base / "tensors.json").read_text("utf-8"))
    (tensors,) = listed["files"].values()
    dtype, shape, mean, deviation = variant.tensors(tensors, _read(variant.base) | dict(variant.config))[name]
    packed = pack(values(f"{listed['seed']}/{name}", tuple(shape), mean, deviation), variant.dtype or dtype)
    if (variant.dtype or dtype) == "BF16":
        packed = (np.frombuffer(packed, "<u2").astype("<u4") << 16).tobytes()
    kind = "<f2" if (variant.dtype or dtype) == "F16" else "<f4"
    found: npt.NDArray[np.float32] = np.frombuffer(packed, kind).astype(np.float32).reshape(shape)
    return found


def read(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """The tensors of an F32 file."""
    from gguf import GGUFReader

    return {tensor.name: np.array(tensor.data) for tensor in GGUFReader(path).tensors}


def renamed(name_of: Callable[[str], str]) -> Change:
    """All tensors under other names."""
    return lambda tensors, config: {name_of(name): tensor for name, tensor in tensors.items()}


def without(text: str) -> Change:
    """Without the tensors whose names hold `text`."""
    return lambda tensors, config: {name: tensor for name, tensor in tensors.items() if text not in name}


def reshaped(text: str, shape: Callable[[list[int]], list[int]]) -> Change:
    """With another shape of the tensors whose names hold `text`."""

    def change(tensors: Tensors, config: Mapping[str, Any]) -> Tensors:
        return {
            name: [dtype, shape(size) if text in name else size, *rest]
            for name, (dtype, size, *rest) in tensors.items()
        }

    return change


def biased(*texts: str) -> Change:
    """With a bias for each matrix whose name holds one of `texts`."""

    def change(tensors: Tensors, config: Mapping[str, Any]) -> Tensors:
        more = {
            name.removesuffix("weight") + "bias": [dtype, size[:1], 0.0, 0.02]
            for name, (dtype, size, *_) in tensors.items()
            if name.endswith(".weight") and any(text in name for text in texts)
        }
        return {**tensors, **more}

    return change


def untied(tensors: Tensors, config: Mapping[str, Any]) -> Tensors:
    """With an output matrix of its own."""
    embedding = next(tensor for name, tensor in tensors.items() if "embed_tokens" in name)
    return {**tensors, "lm_head.weight": embedding}


def aggregated(tensors: Tensors, config: Mapping[str, Any]) -> Tensors:
    """The experts of a layer in two tensors, as transformers 5 writes them."""
    found: Tensors = {}
    for name, (dtype, size, *rest) in tensors.items():
        place, experts, part = name.partition(".experts.")
        if not experts:
            found[name] = [dtype, size, *rest]
        elif part.endswith("down_proj.weight"):
            found[f"{place}.experts.down_proj"] = [dtype, [config["num_experts"], *size], *rest]
        else:
            found[f"{place}.experts.gate_up_proj"] = [dtype, [config["num_experts"], 2 * size[0], size[1]], *rest]
    return found


def _with_ending(tensors: Tensors, config: Mapping[str, Any]) -> Tensors:
    found = aggregated(tensors, config)
    return {
        name if name.endswith(".weight") or ".experts." not in name else f"{name}.weight": found[name] for name in found
    }


def _fp8(tensors: Tensors, config: Mapping[str, Any]) -> Tensors:
    found: Tensors = {}
    for name, (dtype, size, *rest) in tensors.items():
        if name.endswith("_proj.weight"):
            found[name] = ["F8_E4M3", size, 0.0, 64.0]
            found[f"{name}_scale_inv"] = ["BF16", [-(-length // 128) for length in size], 0.000625, 0.0000625]
        else:
            found[name] = [dtype, size, *rest]
    return found


def _narrow_heads(tensors: Tensors, config: Mapping[str, Any]) -> Tensors:
    for text in ("q_proj", "k_proj", "v_proj"):
        tensors = reshaped(text, lambda size: [size[0] // 2, *size[1:]])(tensors, config)
    return reshaped("o_proj", lambda size: [size[0], size[1] // 2])(tensors, config)


def _read(base: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CHECKPOINTS / base / "config.json").read_text("utf-8"))
    return found


def _longrope(base: str, n_pairs: int, **more: Any) -> dict[str, Any]:
    factors = {"long_factor": [1.5 + pair for pair in range(n_pairs)], "short_factor": [1.1] * n_pairs}
    return {"rope_scaling": {**factors, **more}}


def _nested(base: str) -> dict[str, Any]:
    """A flat multimodal config.json with the language model apart, as newer transformers write it."""
    outer = ("architectures", "vision_config", "model_type", "torch_dtype", "transformers_version")
    inner = {key: value for key, value in _read(base).items() if key not in outer and not key.endswith("token_id")}
    return {**dict.fromkeys(inner, GONE), "text_config": inner}


YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
QWEN, QWEN_VL, PHI = "Qwen2.5-1.5B-Instruct", "Qwen2.5-VL-3B-Instruct", "Phi-3.5-mini-instruct"
OLMO, MOE, GEMMA3 = "OLMo-2-0425-1B-Instruct", "Qwen3-30B-A3B", "gemma-3-4b-it"
OLMO3 = {"architectures": ["Olmo3ForCausalLM"], "model_type": "olmo3"}
BOTH = {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6}}
BOTH |= {"sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}

VARIANTS = {
    "llama-biased": Variant("Llama-3.2-1B-Instruct", {"attention_bias": True, "mlp_bias": True}, biased("proj")),
    "mistral-narrow-heads": Variant("Mistral-7B-Instruct-v0.3", {"head_dim": 32, "sliding_window": 64}, _narrow_heads),
    "qwen2-f16": Variant(QWEN, dtype="F16"),
    "qwen2-f32": Variant(QWEN, dtype="F32"),
    "qwen2-silent": Variant(QWEN, dict.fromkeys(("rms_norm_eps", "rope_theta", "max_position_embeddings"), GONE)),
    "qwen2-full-heads": Variant(
        "Qwen2-0.5B-Instruct",
        {"num_key_value_heads": None},
        lambda tensors, config: reshaped("v_proj", lambda size: [config["hidden_size"], *size[1:]])(
            reshaped("k_proj", lambda size: [config["hidden_size"], *size[1:]])(tensors, config), config
        ),
    ),
    "qwen2-linear": Variant(QWEN, {"rope_scaling": {"rope_type": "linear", "factor": 2}}),
    "qwen2-yarn": Variant(QWEN, {"rope_scaling": {**YARN, "attention_factor": 1.1, "beta_fast": 30, "beta_slow": 2}}),
    "qwen2-rope-parameters": Variant(QWEN, {"rope_theta": GONE, "rope_parameters": {**YARN, "rope_theta": 5e6}}),
    "qwen2-window": Variant(QWEN, {"use_sliding_window": True}),
    "qwen2-moe-aggregated": Variant("Qwen1.5-MoE-A2.7B-Chat", tensors=aggregated),
    "qwen2-vl-new-names": Variant(
        QWEN_VL,
        tensors=renamed(
            lambda name: name if name == "lm_head.weight" else f"model.{'' if 'visual' in name else 'language_'}{name}"
        ),
    ),
    "qwen2-vl-nested": Variant(QWEN_VL, _nested(QWEN_VL)),
    "qwen3-biased": Variant(
        "Qwen3-0.6B", {"attention_bias": True}, biased("self_attn.q_proj", "k_proj", "v_proj", "o_p")
    ),
    "qwen3-untied": Variant("Qwen3-0.6B", {"tie_word_embeddings": False}, untied),
    "qwen3-tied-twice": Variant("Qwen3-0.6B", tensors=untied),
    "qwen3-moe-aggregated": Variant(MOE, tensors=aggregated),
    "qwen3-moe-ending": Variant(MOE, tensors=_with_ending),
    "qwen3-moe-f16": Variant(MOE, dtype="F16"),
    "qwen3-moe-fp8": Variant(
        MOE, {"quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]}}, _fp8
    ),
    "gemma2-f16": Variant("gemma-2-2b-it", dtype="F16"),
    "gemma2-untied": Variant("gemma-2-2b-it", tensors=untied),
    "gemma2-silent": Variant(
        "gemma-2-2b-it",
        dict.fromkeys(("rms_norm_eps", "attn_logit_softcapping", "final_logit_softcapping", "sliding_window"), GONE),
    ),
    "gemma3-f16": Variant("gemma-3-1b-it", dtype="F16"),
    "gemma3-f32": Variant(GEMMA3, dtype="F32"),
    "gemma3-more-rows": Variant(
        "gemma-3-1b-it", tensors=reshaped("embed_tokens", lambda size: [size[0] + 16, size[1]])
    ),
    "gemma3-new-names": Variant(
        GEMMA3, tensors=renamed(lambda name: "model." + name.replace("language_model.model.", "language_model."))
    ),
    "gemma3-both-ropes": Variant(
        "gemma-3-1b-it", {"rope_theta": GONE, "rope_local_base_freq": GONE, "rope_parameters": BOTH}
    ),
    "phi3-partial": Variant(
        PHI,
        {**_longrope(PHI, 24, type="longrope"), "partial_rotary_factor": 0.75, "sliding_window": None}
        | {"tie_word_embeddings": True},
        without("lm_head"),
    ),
    "phi3-su": Variant(PHI, _longrope(PHI, 32, type="su")),
    "phi3-silent": Variant(
        "Phi-3-mini-4k-instruct",
        dict.fromkeys(("original_max_position_embeddings", "num_key_value_heads", "rms_norm_eps"), GONE),
    ),
    "smollm3-untied": Variant("SmolLM3-3B", {"tie_word_embeddings": False, "no_rope_layers": GONE}, untied),
    "granite-silent": Variant("granite-3.3-2b-instruct", {"attention_multiplier": GONE, "logits_scaling": GONE}),
    "granite-biased": Variant("granite-3.3-2b-instruct", {"attention_bias": True}, biased("self_attn")),
    "olmo2-biased": Variant(OLMO, {"attention_bias": True}, biased("_proj")),
    "olmo3": Variant(OLMO, {**OLMO3, "rope_scaling": {**YARN, "attention_factor": 1.2}}),
    "olmo3-layer-types": Variant(
        OLMO, {**OLMO3, "layer_types": ["full_attention", "sliding_attention"], "sliding_window": 32}
    ),
    "minicpm4": Variant(
        "MiniCPM-2B-sft-bf16",
        {
            **_longrope("MiniCPM-2B-sft-bf16", 32, rope_type="longrope", original_max_position_embeddings=32768),
            "tie_word_embeddings": False,
        },
        untied,
    ),
    "internlm2-tied": Variant(
        "internlm2-chat-1_8b",
        {"tie_word_embeddings": True},
        lambda tensors, config: {name: tensors[name] for name in tensors if name != "output.weight"},
    ),
    "internlm3-biased": Variant("internlm3-8b-instruct", {"qkv_bias": True, "bias": True}, biased("_proj")),
}


def _dtype(variant: Variant) -> str:
    listed = json.loads((CHECKPOINTS / variant.base / "tensors.json").read_text("utf-8"))
    tensors = next(iter(listed["files"].values()))
    return variant.dtype or str(next(dtype for dtype, shape, *_ in tensors.values() if len(shape) > 1))


def main(source: str, tools: str, *wanted: str) -> None:
    """Writes variants.json; with names, only their part is made again."""
    import oracle

    found = json.loads(DIGESTS.read_text("utf-8")) if wanted else {}
    llama_cpp = Path(source).resolve() / "vendor" / "llama.cpp"
    with tempfile.TemporaryDirectory() as scratch:
        jobs: dict[str, list[list[str]]] = {}
        for name in wanted or VARIANTS:
            folder = make(VARIANTS[name], Path(scratch, name))
            known = jobs.setdefault(oracle.PRE_TOKENIZERS.get(VARIANTS[name].base, "qwen2"), [])
            for kind in ("F16", "BF16"):
                known.append([str(folder), "--outtype", kind.lower(), "--outfile", f"{folder}-{kind}.gguf"])
        for pre_tokenizer, several in jobs.items():
            # One process for many folders: PyTorch takes longer to start than to convert them.
            command = [sys.executable, "-c", oracle.RUN, str(llama_cpp), json.dumps(several)]
            environment = {**os.environ, "PRE_TOKENIZER": pre_tokenizer, "HF_HUB_OFFLINE": "1"}
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name in wanted or VARIANTS:
            base = "BF16" if _dtype(VARIANTS[name]) == "BF16" else "F16"
            files = {kind: Path(scratch, f"{name}-{kind}.gguf") for kind in (base, *TYPES)}
            quantize = [str(Path(tools, "llama-quantize")), str(files[base]), str(files["Q4_K_M"]), "Q4_K_M", "1"]
            subprocess.run(quantize, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            found[name] = {kind: hashlib.sha256(files[kind].read_bytes()).hexdigest() for kind in TYPES}
    DIGESTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
