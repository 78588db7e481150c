"""Makes the test checkpoints from their config.json: tokenizer, list of tensors, and what transformers computes.

    python tests/converters/make_checkpoints.py [NAME...]

Needs torch, transformers, tokenizers and sentencepiece in an environment of its own; GLM-4.7-Flash needs transformers
5, and all others 4.57.6, which llama.cpp's converter asks for. A config.json was written by hand after the real one,
with smaller sizes; GLM-4.7-Flash's says in words how experts are scored, which llama.cpp else guesses from the sizes.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import checkpoint_tokenizers as kinds
import numpy as np
from stand_ins import STAND_INS
from weights import CHECKPOINTS, copy_checkpoint

N_TOKENS = 16

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Recipe:
    """How a checkpoint is made, beside its config.json."""

    tokenizer: Callable[[Path], None]
    seed: int = 0
    listed: Callable[[Mapping[str, Any]], Shapes] | None = None
    """The tensors of a family that transformers has no class for."""
    more: Callable[[Mapping[str, Any], Shapes], Shapes] | None = None
    """Tensors that transformers passes over."""
    files: int = 1
    spread: float = 1.0
    """The standard deviation that logits get: real models have more, and 16-bit arithmetic then errs by more."""
    embedding: float = 1 / 16
    """The standard deviation of embeddings. Larger ones make the epsilon of the norms matter less."""


def next_token_layer(config: Mapping[str, Any], shapes: Shapes) -> Shapes:
    """The layer that predicts one token more, after the last of GLM-4.5's and GLM-4.7's own."""
    last, width = config["num_hidden_layers"] - 1, config["hidden_size"]
    place = f"model.layers.{last + 1}."
    found = {place + name.split(".", 3)[3]: shapes[name] for name in shapes if name.startswith(f"model.layers.{last}.")}
    found |= {place + name: (width,) for name in ("enorm.weight", "hnorm.weight", "shared_head.norm.weight")}
    found |= {
        place + name: (config["vocab_size"], width) for name in ("embed_tokens.weight", "shared_head.head.weight")
    }
    return {**found, place + "eh_proj.weight": (width, 2 * width)}


def chatglm_shapes(config: Mapping[str, Any]) -> Shapes:
    """The tensors of GLM-4-9B's own form."""
    width, ff = config["hidden_size"], config["ffn_hidden_size"]
    head = config["kv_channels"]
    qkv = head * (config["num_attention_heads"] + 2 * config["multi_query_group_num"])
    found: Shapes = {"transformer.embedding.word_embeddings.weight": (config["padded_vocab_size"], width)}
    found["transformer.rotary_pos_emb.inv_freq"] = (head // 4,)
    for layer in range(config["num_layers"]):
        place = f"transformer.encoder.layers.{layer}."
        found |= {place + "input_layernorm.weight": (width,), place + "post_attention_layernorm.weight": (width,)}
        found[place + "self_attention.query_key_value.weight"] = (qkv, width)
        if config["add_qkv_bias"]:
            found[place + "self_attention.query_key_value.bias"] = (qkv,)
        found[place + "self_attention.dense.weight"] = (width, head * config["num_attention_heads"])
        found |= {place + "mlp.dense_h_to_4h.weight": (2 * ff, width), place + "mlp.dense_4h_to_h.weight": (width, ff)}
    found["transformer.encoder.final_layernorm.weight"] = (width,)
    return {**found, "transformer.output_layer.weight": (config["padded_vocab_size"], width)}


def llama_shapes(config: Mapping[str, Any]) -> Shapes:
    """The tensors of Llama's form, tied without a word, as MiniCPM's and InternLM 3's are."""
    width, ff = config["hidden_size"], config["intermediate_size"]
    head = config.get("head_dim") or width // config["num_attention_heads"]
    q, kv = head * config["num_attention_heads"], head * config["num_key_value_heads"]
    found: Shapes = {"model.embed_tokens.weight": (config["vocab_size"], width), "model.norm.weight": (width,)}
    for layer in range(config["num_hidden_layers"]):
        place = f"model.layers.{layer}."
        found |= {place + "input_layernorm.weight": (width,), place + "post_attention_layernorm.weight": (width,)}
        found |= {place + "self_attn.q_proj.weight": (q, width), place + "self_attn.k_proj.weight": (kv, width)}
        found |= {place + "self_attn.v_proj.weight": (kv, width), place + "self_attn.o_proj.weight": (width, q)}
        found |= {place + "mlp.gate_proj.weight": (ff, width), place + "mlp.up_proj.weight": (ff, width)}
        found[place + "mlp.down_proj.weight"] = (width, ff)
    if "tie_word_embeddings" in config:
        found["lm_head.weight"] = (config["vocab_size"], width)
    return found


def internlm2_shapes(config: Mapping[str, Any]) -> Shapes:
    """The tensors of InternLM 2: queries, keys and values of each group of heads together."""
    width, ff = config["hidden_size"], config["intermediate_size"]
    head = width // config["num_attention_heads"]
    qkv = head * (config["num_attention_heads"] + 2 * config["num_key_value_heads"])
    found: Shapes = {"model.tok_embeddings.weight": (config["vocab_size"], width), "model.norm.weight": (width,)}
    for layer in range(config["num_hidden_layers"]):
        place = f"model.layers.{layer}."
        found |= {place + "attention_norm.weight": (width,), place + "ffn_norm.weight": (width,)}
        found |= {place + "attention.wqkv.weight": (qkv, width), place + "attention.wo.weight": (width, width)}
        found |= {place + "feed_forward.w1.weight": (ff, width), place + "feed_forward.w3.weight": (ff, width)}
        found[place + "feed_forward.w2.weight"] = (width, ff)
    return {**found, "output.weight": (config["vocab_size"], width)}


PHI3_TOKENS = dict.fromkeys(
    [
        *("<|endoftext|>", "<|assistant|>", "<|placeholder1|>", "<|placeholder2|>", "<|placeholder3|>"),
        *("<|placeholder4|>", "<|system|>", "<|end|>", "<|placeholder5|>", "<|placeholder6|>", "<|user|>"),
    ],
    True,
)
PHI3 = kinds.llama2(PHI3_TOKENS, kinds.PHI_CHAT, eos_token="<|endoftext|>", pad_token="<|endoftext|>")
QWEN_VL = kinds.qwen2(kinds.QWEN_TOKENS, config={"processor_class": "Qwen2VLProcessor"})
GLM_HF = kinds.glm4(kinds.GLM4_TOKENS, ignore_merges=True)
GLM_EDGE = kinds.glm4(kinds.GLM4_TOKENS)

RECIPES: dict[str, Recipe] = {
    "glm-edge-1.5b-chat": Recipe(GLM_EDGE),
    "glm-edge-4b-chat": Recipe(GLM_EDGE, listed=chatglm_shapes),
    # llama.cpp's converter passes over this one's epsilon.
    "glm-4-9b-chat-hf": Recipe(GLM_HF, embedding=1.0),
    "glm-4-9b-chat": Recipe(kinds.chatglm4, listed=chatglm_shapes),
    "GLM-4-9B-0414": Recipe(GLM_HF, files=3),
    "AutoGLM-Phone-9B": Recipe(kinds.glm4(kinds.GLM41V_TOKENS, ignore_merges=True)),
    "GLM-4.5": Recipe(kinds.glm4(kinds.GLM45_TOKENS, ignore_merges=True), seed=9, more=next_token_layer),
    "GLM-4.5-Air": Recipe(kinds.glm4(kinds.GLM45_TOKENS, ignore_merges=True), more=next_token_layer),
    "GLM-4.7-Flash": Recipe(kinds.glm4(kinds.GLM45_TOKENS, ignore_merges=True), seed=5, more=next_token_layer),
    "Llama-2-7b-chat-hf": Recipe(kinds.llama2()),
    "vicuna-7b-v1.5-16k": Recipe(kinds.llama2()),
    "Llama-3.2-1B-Instruct": Recipe(kinds.llama3),
    "Mistral-7B-Instruct-v0.3": Recipe(kinds.mistral),
    "Mistral-Nemo-Instruct-2407": Recipe(kinds.tekken),
    "TinyLlama-1.1B-Chat-v1.0": Recipe(kinds.llama2(template=kinds.PHI_CHAT)),
    "SmolLM2-135M-Instruct": Recipe(kinds.smollm2),
    "SmolLM3-3B": Recipe(kinds.smollm3),
    "Qwen2.5-1.5B-Instruct": Recipe(kinds.qwen2(kinds.QWEN_TOKENS)),
    "Qwen2.5-7B-Instruct-1M-yarn": Recipe(kinds.qwen2(kinds.QWEN_TOKENS)),
    "Qwen2-0.5B-Instruct": Recipe(kinds.qwen2(kinds.QWEN_TOKENS[:3], files=("vocab.json",))),
    "Qwen1.5-MoE-A2.7B-Chat": Recipe(kinds.qwen2(kinds.QWEN_TOKENS[:3])),
    "Qwen3-0.6B": Recipe(kinds.qwen2(kinds.QWEN3_TOKENS)),
    "Qwen3-0.6B-FP8": Recipe(kinds.qwen2(kinds.QWEN3_TOKENS)),
    "Qwen3-30B-A3B": Recipe(kinds.qwen2(kinds.QWEN3_TOKENS), seed=4),
    # llama.cpp reads no epsilon for this architecture and takes 0.
    "Qwen2-VL-2B-Instruct": Recipe(QWEN_VL, embedding=1.0),
    "Qwen2.5-VL-3B-Instruct": Recipe(QWEN_VL, embedding=1.0),
    # llama.cpp looks GELU up in a table of F16.
    "gemma-2-2b-it": Recipe(kinds.gemma(""), spread=0.5),
    "gemma-3-1b-it": Recipe(kinds.gemma(""), spread=0.5),
    "gemma-3-4b-it": Recipe(kinds.gemma("<image_soft_token>"), spread=0.5),
    "Phi-3-mini-4k-instruct": Recipe(PHI3),
    "Phi-3.5-mini-instruct": Recipe(PHI3),
    "Phi-4-mini-instruct": Recipe(kinds.phi4),
    "MiniCPM-2B-sft-bf16": Recipe(kinds.minicpm, listed=llama_shapes),
    "internlm2-chat-1_8b": Recipe(kinds.internlm2, listed=internlm2_shapes),
    "internlm3-8b-instruct": Recipe(kinds.internlm3, listed=llama_shapes),
    "granite-3.3-2b-instruct": Recipe(kinds.granite),
    "OLMo-2-0425-1B-Instruct": Recipe(kinds.olmo2),
}


def shapes_of(config: Mapping[str, Any], recipe: Recipe, folder: Path) -> Shapes:
    """Name and shape of every tensor, as transformers saves them."""
    if recipe.listed:
        return recipe.listed(config)
    transformers, safe_open = import_module("transformers"), import_module("safetensors").safe_open
    kind = getattr(transformers, config["architectures"][0])
    wanted = transformers.AutoConfig.from_pretrained(folder)
    if hasattr(wanted, "quantization_config"):
        del wanted.quantization_config
    with tempfile.TemporaryDirectory() as scratch:
        kind(wanted).save_pretrained(scratch)
        with safe_open(Path(scratch, "model.safetensors"), "np") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    return {**shapes, **(recipe.more(config, shapes) if recipe.more else {})}


def describe(name: str, shape: tuple[int, ...], config: Mapping[str, Any], recipe: Recipe) -> list[Any]:
    """The entry in tensors.json: numbers with which every part of the network matters."""
    dtype = {"bfloat16": "BF16", "float16": "F16", "float32": "F32"}[config.get("torch_dtype") or config["dtype"]]
    if name.endswith("e_score_correction_bias"):
        return ["F32", list(shape), 0.0, 0.1]
    if name.endswith("inv_freq"):
        return [dtype, list(shape), 0.5, 0.1]
    if re.search(r"norm|\.ln_q", name) and not name.endswith(".bias"):
        offset = config.get("model_type", "").startswith("gemma") and "vision_tower" not in name
        return [dtype, list(shape), 0.0 if offset else 1.0, 0.2]
    if name.endswith(".bias"):
        return [dtype, list(shape), 0.0, 0.2]
    if "embed_tokens" in name or "_embeddings" in name:
        return [dtype, list(shape), 0.0, recipe.embedding]
    # Granite weighs down what attention and feed-forward layers add.
    outward, inward = 0.7 / config.get("residual_multiplier", 1), 4.0 if "attention_multiplier" in config else 1.5
    gains = {r"\.(q|k|q_a|q_b)_proj": inward, r"qkv|query_key_value": 1.2, r"mlp\.gate\.": 2.0}
    gains |= {r"(o|down)_proj|\.dense\.|4h_to_h|\.wo\.|\.w2\.": outward}
    gain = next((gain for pattern, gain in gains.items() if re.search(pattern, name)), 1.0)
    return [dtype, list(shape), 0.0, round(gain / math.sqrt(math.prod(shape[1:])), 6)]


def list_tensors(config: Mapping[str, Any], recipe: Recipe, folder: Path) -> dict[str, Any]:
    """What goes into tensors.json: in each file the wider number formats first, then by name, as safetensors sorts."""
    described = {
        name: describe(name, shape, config, recipe) for name, shape in shapes_of(config, recipe, folder).items()
    }
    if block := config.get("quantization_config", {}).get("weight_block_size"):
        for name in [name for name in described if re.search(r"layers\..*_proj\.weight$", name)]:
            _, shape, _, deviation = described[name]
            described[name] = ["F8_E4M3", shape, 0.0, 100.0]
            scales = [math.ceil(size / step) for size, step in zip(shape, block, strict=True)]
            described[name + "_scale_inv"] = ["BF16", scales, deviation / 100, deviation / 1000]
    order = sorted(described, key=lambda name: (-{"F32": 4, "F8_E4M3": 1}.get(described[name][0], 2), name))
    if recipe.files == 1:
        return {"seed": recipe.seed, "files": {"model.safetensors": {name: described[name] for name in order}}}
    files: dict[str, Any] = {}
    for place, name in enumerate(order):
        shard = place * recipe.files // len(order) + 1
        files.setdefault(f"model-{shard:05}-of-{recipe.files:05}.safetensors", {})[name] = described[name]
    return {"seed": recipe.seed, "files": files}


def write_tensors(folder: Path, listed: Mapping[str, Any]) -> None:
    """tensors.json, a line for each tensor."""
    files = []
    for file, tensors in listed["files"].items():
        lines = ",\n   ".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in tensors.items())
        files.append(f"{json.dumps(file)}: {{\n   {lines}\n  }}")
    joined = ",\n  ".join(files)
    (folder / "tensors.json").write_text(
        f'{{\n "seed": {listed["seed"]},\n "files": {{\n  {joined}\n }}\n}}\n', "utf-8"
    )


def load(folder: Path, scratch: Path) -> Any:
    """The model with the weights that weights.py writes, in F32 and with plain attention."""
    torch, transformers = import_module("torch"), import_module("transformers")
    files = import_module("safetensors.torch")
    copy = copy_checkpoint(folder, scratch / "copy")
    config = json.loads((copy / "config.json").read_text("utf-8"))
    block = config.pop("quantization_config", {}).get("weight_block_size")
    change = STAND_INS.get(config["architectures"][0])
    if block or change:
        held = files.load_file(copy / "model.safetensors")
        for name in [name for name in held if name.endswith("_scale_inv")]:
            scales = held.pop(name).float().repeat_interleave(block[0], 0).repeat_interleave(block[1], 1)
            weight = held[name.removesuffix("_scale_inv")].float()
            held[name.removesuffix("_scale_inv")] = weight * scales[: weight.shape[0], : weight.shape[1]]
        config, held = change(config, held) if change else (config, held)
        files.save_file({name: tensor.contiguous() for name, tensor in held.items()}, copy / "model.safetensors")
        (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    kind = getattr(transformers, config["architectures"][0])
    return kind.from_pretrained(copy, dtype=torch.float32, attn_implementation="eager").eval()


def compute(model: Any, tokens: list[int]) -> Any:
    """Logits of every position, [n_tokens, n_vocab] in F32."""
    torch = import_module("torch")
    with torch.no_grad():
        ids = torch.tensor([tokens])
        return model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits[0].float()


def margins(model: Any, tokens: list[int], used: int) -> float:
    """How far the choice of experts is from changing: the least gap between the last chosen and the first not."""
    torch = import_module("torch")
    found: list[float] = []

    def watch(module: Any, given: Any, _: Any) -> None:
        scores = given[0].reshape(-1, given[0].shape[-1]).float() @ module.weight.float().T
        if (bias := getattr(module, "e_score_correction_bias", None)) is not None:
            scores = scores.sigmoid() + bias
        ranked = scores.sort(-1, descending=True).values
        found.append(float((ranked[:, used - 1] - ranked[:, used]).min()))

    gates = [module for name, module in model.named_modules() if re.search(r"\.mlp\.gate$", name)]
    hooks = [module.register_forward_hook(watch) for module in gates]
    compute(model, tokens)
    for hook in hooks:
        hook.remove()
    del torch
    return min(found, default=math.inf)


def idle(model: Any, tokens: list[int], log: Any) -> list[str]:
    """Tensors of the text model that could be lost without a change of 0.02 in any log-probability."""
    torch = import_module("torch")
    found = []
    for name, tensor in model.named_parameters():
        if "vis" in name or "multi_modal" in name:
            continue
        kept = tensor.data.clone()
        tensor.data.fill_(float("norm" in name and kept.mean() > 0.5))
        if float((compute(model, tokens).log_softmax(-1) - log).abs().max()) < 0.02:
            found.append(name)
        tensor.data.copy_(kept)
    del torch
    return found


def expect(folder: Path, config: Mapping[str, Any], listed: dict[str, Any], recipe: Recipe) -> None:
    """Scales the output so that logits spread as wished, then writes what transformers computes for a prompt."""
    transformers = import_module("transformers")
    text = {**config, **config.get("text_config", {})}
    # Plain words only: an image's token would change the positions.
    tokens = [(place * 7919 + 4242) % 301 + 16 for place in range(N_TOKENS)]
    held = {name: entry for tensors in listed["files"].values() for name, entry in tensors.items()}
    # Tied embeddings can be scaled themselves, unless they were given; then the last norm is.
    tied = "embed_tokens.weight" if recipe.embedding == Recipe.embedding else "model.norm.weight"
    output = next((name for name in held if re.search(r"^(lm_head|output|transformer\.output_layer)\.", name)), "")
    output = output or next(name for name in held if name.endswith(tied))
    for _ in range(4):
        with tempfile.TemporaryDirectory() as scratch:
            model = load(folder, Path(scratch))
            spread = float(compute(model, tokens).std(-1).mean())
        if abs(spread / recipe.spread - 1) < 0.02:
            break
        held[output][2:] = [round(number * recipe.spread / spread, 6) for number in held[output][2:]]
        write_tensors(folder, listed)
    log = compute(model, tokens).log_softmax(-1)
    margin = margins(model, tokens, text.get("num_experts_per_tok", 1))
    print(f"{folder.name}: logits spread by {spread:.3f}, experts chosen by {margin:.4f}", flush=True)
    print("   without use:", idle(model, tokens, log) or "none", flush=True)
    np.save(folder / "expected.npy", log.numpy())
    computed = {"transformers": transformers.__version__, "class": type(model).__name__}
    kinds.write_json(folder / "expected.json", {"tokens": tokens, **computed})


def main(*wanted: str) -> None:
    """Makes the checkpoints of these names, or all that this transformers can make."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import_module("torch").set_num_threads(1)
    transformers = import_module("transformers")
    transformers.logging.set_verbosity_error()
    for name, recipe in RECIPES.items():
        folder = CHECKPOINTS / name
        config = json.loads((folder / "config.json").read_text("utf-8"))
        if name not in wanted and (wanted or not (recipe.listed or hasattr(transformers, config["architectures"][0]))):
            continue
        recipe.tokenizer(folder)
        listed = list_tensors(config, recipe, folder)
        write_tensors(folder, listed)
        expect(folder, config, listed, recipe)


if __name__ == "__main__":
    main(*sys.argv[1:])
