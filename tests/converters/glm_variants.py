"""As variants.py, for GLM's families and for vision parts.

    python tests/converters/glm_variants.py LLAMA_CPP_PYTHON TOOLS

writes glm_variants.json: the SHA-256 of the Q4_K_M file of llama.cpp's two tools for each of LANGUAGE, which holds
every value of the converter's own file, and of several files for each of VISION.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from variants import GONE, Change, Tensors, Variant, biased, make, renamed, without
from weights import CHECKPOINTS

DIGESTS = Path(__file__).with_name("glm_variants.json")
VISION_TYPES = ("F16", "BF16", "Q8_0", "Q4_K_M")

AIR, FLASH, PHONE, EDGE = "GLM-4.5-Air", "GLM-4.7-Flash", "AutoGLM-Phone-9B", "glm-edge-1.5b-chat"
QWEN2, QWEN2_5 = "Qwen2-VL-2B-Instruct", "Qwen2.5-VL-3B-Instruct"
ROPE = {"rope_type": "default", "rope_theta": 5e5, "partial_rotary_factor": 0.25}
YARN = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096, "mscale_all_dim": 1.0}


def both(*changes: Change) -> Change:
    """One change after another."""

    def change(tensors: Tensors, config: Mapping[str, Any]) -> Tensors:
        for one in changes:
            tensors = one(tensors, config)
        return tensors

    return change


def head_norms(tensors: Tensors, config: Mapping[str, Any]) -> Tensors:
    """With norms over each head of queries and keys."""
    places = [name.removesuffix("q_proj.weight") for name in tensors if name.endswith("self_attn.q_proj.weight")]
    more = {f"{place}{kind}_norm.weight": ["BF16", [config["head_dim"]], 1.0, 0.2] for place in places for kind in "qk"}
    return {**tensors, **more}


def norms_after(tensors: Tensors, config: Mapping[str, Any]) -> Tensors:
    """With GLM-4-0414's norms after attention and after the feed-forward layer."""
    more = {
        name.replace("post_attention", after): tensor
        for name, tensor in tensors.items()
        for after in ("post_self_attn", "post_mlp")
        if "post_attention" in name
    }
    return {**tensors, **more}


def experts_everywhere(tensors: Tensors, config: Mapping[str, Any]) -> Tensors:
    """The first layer with the experts of the second."""
    first = {name: tensor for name, tensor in tensors.items() if not name.startswith("model.layers.0.mlp")}
    more = {name.replace(".1.", ".0.", 1): tensor for name, tensor in tensors.items() if ".layers.1.mlp" in name}
    return {**first, **more}


def new_names(name: str) -> str:
    """A tensor as transformers 4.52 and later name it."""
    if name == "lm_head.weight" or "language_model" in name:
        return name
    return f"model.{name.removeprefix('model.')}" if "visual" in name else f"model.language_{name}"


def nested(base: str, **more: Any) -> dict[str, Any]:
    """The language model's values of a flat config.json in a table of their own."""
    config = json.loads((CHECKPOINTS / base / "config.json").read_text("utf-8")) | more
    moved = [key for key in config if key not in ("architectures", "model_type", "vision_config")]
    inner = {key: config[key] for key in moved if config[key] is not GONE}
    return {**dict.fromkeys(moved, GONE), "text_config": {**inner, "model_type": f"{config['model_type']}_text"}}


def seeing(base: str, **changes: Any) -> dict[str, Any]:
    """Other values for the image encoder."""
    config = json.loads((CHECKPOINTS / base / "config.json").read_text("utf-8"))["vision_config"] | changes
    return {"vision_config": {key: value for key, value in config.items() if value is not GONE}}


def gone(*keys: str) -> dict[str, Any]:
    """Nothing said of `keys`."""
    return dict.fromkeys(keys, GONE)


def eight_bits(block: tuple[int, int] | None) -> Change:
    """Every matrix of a layer but the router as FP8 with a scale for each block, or for each row."""

    def change(tensors: Tensors, config: Mapping[str, Any]) -> Tensors:
        found: Tensors = {}
        for name, (dtype, size, *rest) in tensors.items():
            if not name.endswith("proj.weight") or "layers" not in name or "eh_proj" in name:
                found[name] = [dtype, size, *rest]
                continue
            found[name] = ["F8_E4M3", size, 0.0, 60.0]
            scales = [size[0], 1] if block is None else [-(-one // step) for one, step in zip(size, block, strict=True)]
            found[f"{name}_scale"] = ["F32" if block else "BF16", scales, 0.001, 0.0002]
        return dict(sorted(found.items()))

    return change


def compressed(**weights: Any) -> dict[str, Any]:
    """What GLM-4.5-Air-FP8's config.json says of its numbers."""
    group = {"targets": ["Linear"], "weights": {"num_bits": 8, "type": "float", "symmetric": True, **weights}}
    form = {"quant_method": "compressed-tensors", "format": "float-quantized", "config_groups": {"group_0": group}}
    return {"quantization_config": form}


SILENT_ROPE = gone("rope_theta", "rope_scaling", "partial_rotary_factor")
no_next = without("model.layers.2.")

LANGUAGE = {
    "phone-new-names": Variant(PHONE, nested(PHONE), renamed(new_names)),
    "phone-whole-heads": Variant(PHONE, {"partial_rotary_factor": 1.0}),
    "glm4-biased": Variant(
        EDGE,
        {"architectures": ["Glm4ForCausalLM"], "model_type": "glm4", "attention_bias": True}
        | gone("rope_theta", "max_position_embeddings", "rms_norm_eps", "partial_rotary_factor"),
        both(norms_after, biased("q_proj", "k_proj", "v_proj")),
    ),
    "glm4-linear": Variant("GLM-4-9B-0414", {"rope_scaling": {"type": "linear", "factor": 2.0}}),
    "edge-silent": Variant(EDGE, gone("rms_norm_eps", "max_position_embeddings", "partial_rotary_factor")),
    "chatglm-silent": Variant(
        "glm-edge-4b-chat", gone("rope_ratio", "seq_length", "layernorm_epsilon", "attention_dim")
    ),
    "chatglm-tied": Variant("glm-edge-4b-chat", {"tie_word_embeddings": True}, without("output_layer")),
    "air-transformers-5": Variant(AIR, {"rope_parameters": ROPE, **SILENT_ROPE}),
    "phone-transformers-5": Variant(
        PHONE,
        nested(PHONE, rope_parameters={**ROPE, "mrope_section": [4, 2, 2]}, **SILENT_ROPE),
        renamed(new_names),
    ),
    "air-saved-again": Variant(AIR, {"use_qk_norm": True}, both(head_norms, no_next)),
    "air-silent": Variant(
        AIR,
        gone("num_nextn_predict_layers", "head_dim", "first_k_dense_replace", "n_group", "routed_scaling_factor"),
        no_next,
    ),
    "air-tied": Variant(
        AIR, {"tie_word_embeddings": True, "num_nextn_predict_layers": 0}, both(no_next, without("lm_head"))
    ),
    "air-fp8-rows": Variant(AIR, compressed(strategy="channel", block_structure=None), eight_bits(None)),
    "air-fp8-blocks": Variant(AIR, compressed(strategy="block", block_structure=[128, 96]), eight_bits((128, 96))),
    "flash-yarn": Variant(FLASH, {"rope_scaling": YARN, **gone("rms_norm_eps")}),
    "flash-tied-twice": Variant(FLASH, {"tie_word_embeddings": True}),
    "flash-experts-everywhere": Variant(
        FLASH,
        {"num_nextn_predict_layers": 0, "norm_topk_prob": False, "scoring_func": "softmax", "head_dim": 32}
        | gone("routed_scaling_factor", "first_k_dense_replace"),
        both(no_next, experts_everywhere),
    ),
}
"""Compared as language models."""

VISION = {
    "phone": Variant(PHONE),
    "phone-new-names": LANGUAGE["phone-new-names"],
    "phone-gelu": Variant(PHONE, seeing(PHONE, hidden_act="gelu", attention_bias=True), biased("attn.qkv")),
    "phone-silent": Variant(PHONE, seeing(PHONE, image_size=GONE, patch_size=GONE, rms_norm_eps=GONE)),
    "qwen2-vl": Variant(QWEN2, {"rms_norm_eps": 1e-5}),
    "qwen2.5-vl-new-names": Variant(QWEN2_5, nested(QWEN2_5, rms_norm_eps=1e-5)),
    "qwen2.5-vl-f16": Variant(QWEN2_5, dtype="F16"),
}
"""Compared as vision parts."""


def main(source: str, tools: str) -> None:
    """Writes glm_variants.json."""
    import oracle

    llama_cpp = Path(source).resolve() / "vendor" / "llama.cpp"
    found: dict[str, dict[str, str]] = {"language": {}, "vision": {}}
    with tempfile.TemporaryDirectory() as scratch:
        jobs: dict[str, list[list[str]]] = {}
        for part, variants in (("language", LANGUAGE), ("vision", VISION)):
            for name, variant in variants.items():
                folder = make(variant, Path(scratch, part, name))
                known = jobs.setdefault(oracle.PRE_TOKENIZERS.get(variant.base, "qwen2"), [])
                for kind in ("F16", "BF16"):
                    job = [str(folder), "--outtype", kind.lower(), "--outfile", f"{folder}-{kind}.gguf"]
                    known.append([*job, "--mmproj"] if part == "vision" else job)
        for pre_tokenizer, several in jobs.items():
            command = [sys.executable, "-c", oracle.RUN, str(llama_cpp), json.dumps(several)]
            environment = {**os.environ, "PRE_TOKENIZER": pre_tokenizer, "HF_HUB_OFFLINE": "1"}
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for part, variants in (("language", LANGUAGE), ("vision", VISION)):
            for name, variant in variants.items():
                for kind in VISION_TYPES if part == "vision" else ("Q4_K_M",):
                    path = Path(scratch, part, f"{name}-{kind}.gguf")
                    if not path.exists():
                        base = "F16" if "F16" in (variant.dtype, _dtype(variant.base)) else "BF16"
                        quantize = [str(Path(tools, "llama-quantize")), str(path.with_name(f"{name}-{base}.gguf"))]
                        subprocess.run([*quantize, str(path), kind, "1"], check=True, capture_output=True)
                    found[part][f"{name} {kind}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    DIGESTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _dtype(name: str) -> str:
    files = json.loads((CHECKPOINTS / name / "tensors.json").read_text("utf-8"))["files"]
    return str(next(iter(next(iter(files.values())).values()))[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
