"""The checkpoint folder in Hugging Face's form, which `autoglm-lite convert` turns into a GGUF file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from starter.model import Shape, Starter
from starter.tokenizer import CHAT_TEMPLATE, END, END_OF_TEXT, SPECIAL, START

LICENCE_NOTE = """---
license: mit
name: autoglm-lite starter
language: [en, zh]
---
# autoglm-lite starter
A tiny demonstration model, trained from scratch by `python -m starter` on text that the script makes.
"""


def write(folder: Path, model: Starter, tokenizer: Tokenizer) -> None:
    """Writes config, weights (F32) and tokenizer files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    end, end_of_text = tokenizer.token_to_id(END), tokenizer.token_to_id(END_OF_TEXT)
    _json(
        folder / "config.json",
        model.shape.config_json()
        | {
            "bos_token_id": end_of_text,
            "eos_token_id": end,
            "pad_token_id": end_of_text,
            "torch_dtype": "float32",
            "initializer_range": 0.02,
            "use_cache": True,
        },
    )
    _json(
        folder / "generation_config.json",
        {
            "bos_token_id": end_of_text,
            "eos_token_id": [end, end_of_text],
            "pad_token_id": end_of_text,
            "do_sample": True,
            "temperature": 0.2,
            "top_k": 20,
            "top_p": 0.9,
        },
    )
    added = {
        str(tokenizer.token_to_id(t)): {
            "content": t,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": True,
        }
        for t in SPECIAL
    }
    _json(
        folder / "tokenizer_config.json",
        {
            "add_bos_token": False,
            "add_prefix_space": False,
            "added_tokens_decoder": added,
            "bos_token": None,
            "chat_template": CHAT_TEMPLATE,
            "clean_up_tokenization_spaces": False,
            "eos_token": END,
            "errors": "replace",
            "model_max_length": model.shape.n_ctx,
            "pad_token": END_OF_TEXT,
            "split_special_tokens": False,
            "tokenizer_class": "Qwen2Tokenizer",
            "unk_token": None,
        },
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "README.md").write_text(LICENCE_NOTE, encoding="utf-8")
    tensors = {name: value.detach().float().contiguous() for name, value in model.state_dict().items()}
    part = folder / "model.safetensors.part"
    save_file(tensors, str(part), metadata={"format": "pt"})
    part.replace(folder / "model.safetensors")


def read(folder: Path) -> Starter:
    """The network of a checkpoint folder."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    shape = Shape(
        n_vocab=config["vocab_size"],
        n_layer=config["num_hidden_layers"],
        n_embd=config["hidden_size"],
        n_ff=config["intermediate_size"],
        n_head=config["num_attention_heads"],
        n_head_kv=config["num_key_value_heads"],
        n_ctx=config["max_position_embeddings"],
        rope_theta=config["rope_theta"],
        norm_eps=config["rms_norm_eps"],
    )
    model = Starter(shape)
    model.load_state_dict(load_file(str(folder / "model.safetensors")))
    return model.eval()


@torch.inference_mode()
def reply(model: Starter, tokenizer: Tokenizer, messages: list[tuple[str, str]], n_max: int = 160) -> str:
    """The likeliest answer to a conversation, token by token; slow and plain, for checking."""
    text = "".join(f"{START}{role}\n{content}{END}\n" for role, content in messages) + f"{START}assistant\n"
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    n_prompt, end = len(ids), tokenizer.token_to_id(END)
    while len(ids) < min(model.shape.n_ctx, n_prompt + n_max):
        row = torch.tensor([ids])
        hidden = model(row, torch.arange(len(ids)).unsqueeze(0), torch.zeros_like(row))
        best = int(model.logits(hidden[0, -1]).argmax())
        if best == end:
            break
        ids.append(best)
    answer: str = tokenizer.decode(ids[n_prompt:])
    return answer


def _json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
