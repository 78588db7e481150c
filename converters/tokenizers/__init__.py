"""Tokenizers: one function for each way in which llama.cpp's converter reads one.

Each adds the `tokenizer.*` keys in that converter's order and raises ConversionError when the files are missing,
damaged or of a kind that llama.cpp cannot run. `config` is config.json with a multimodal model's text part on top.
"""

from __future__ import annotations

from pathlib import Path

from autoglm_lite.errors import ConversionError
from converters.config import Config, read_json_if_there
from converters.keyvalues import KeyValues
from converters.tokenizers import byte_level, json_pieces, pieces, ranks, spm
from converters.tokenizers.special import add_special, read_special
from converters.tokenizers.spm import internlm2 as internlm2
from converters.tokenizers.spm import internlm3 as internlm3
from converters.tokenizers.spm import sentencepiece as sentencepiece

ASSUMES_BOS = ("llama-bpe", "tekken")
"""Names of pre-tokenizers under which llama.cpp puts a BOS in front where nothing is said."""


def automatic(folder: Path, config: Config, keys: KeyValues) -> None:
    """The Qwen2 way: SentencePiece when tokenizer.model is one, else whatever else is there."""
    path = folder / "tokenizer.model"
    if pieces.is_model(path) or (path.exists() and not ranks.is_file(path) and not _has_parts(folder)):
        sentencepiece(folder, config, keys)
    elif json_pieces.is_vocabulary(folder / "tokenizer.json"):
        json_pieces.add(folder, config, keys)
    else:
        bpe(folder, config, keys)


minicpm = automatic


def llama(folder: Path, config: Config, keys: KeyValues) -> None:
    """The Llama way (also Mistral, TinyLlama, SmolLM, Granite): `automatic`, and what a few of them need beside."""
    space_prefix = read_json_if_there(folder / "tokenizer_config.json").get("add_prefix_space")
    if space_prefix is not None:
        keys.boolean("tokenizer.ggml.add_space_prefix", bool(space_prefix))
    automatic(folder, config, keys)
    if config.get("vocab_size") == 32016:
        # Code Llama: that this ends a text is in no file of the checkpoint.
        keys.uint32("tokenizer.ggml.eot_token_id", 32010)
    if config.get("vocab_size") == 49152:
        # Granite and SmolLM: their tokenizers never put a BOS in front.
        keys.boolean("tokenizer.ggml.add_bos_token", False)


def bpe(folder: Path, config: Config, keys: KeyValues) -> None:
    """Byte-level BPE: tokenizer.json, vocab.json with merges.txt, or a tiktoken file of ranks."""
    byte_level.add_vocabulary(folder, config, keys)
    special = read_special(folder)
    name = keys.get("tokenizer.ggml.pre")
    if name is not None and name.content in ASSUMES_BOS:
        special.around.setdefault("bos", False)
    add_special(special, keys)


def glm(folder: Path, config: Config, keys: KeyValues) -> None:
    """GLM-4.5 and 4.7: BOS is [gMASK], a turn ends at the next user's."""
    texts = {"bos": "[gMASK]", "eot": "<|user|>", "unk": "<|endoftext|>", "eom": "<|observation|>"}
    _glm(folder, config, keys, texts)


def glm4(folder: Path, config: Config, keys: KeyValues) -> None:
    """GLM-4-0414 and GLM-4.1V."""
    texts = {"eos": "<|endoftext|>", "eot": "<|user|>", "unk": "<|endoftext|>", "bos": "<|endoftext|>"}
    _glm(folder, config, keys, texts)


def chatglm(folder: Path, config: Config, keys: KeyValues) -> None:
    """GLM-4-9B and GLM-Edge, in either form; ChatGLM3 when tokenizer.model is SentencePiece's."""
    if pieces.is_model(folder / "tokenizer.model"):
        spm.chatglm3(folder, config, keys)
        return
    _glm(folder, config, keys, {"eos": "<|endoftext|>", "eot": "<|user|>", "unk": "<|endoftext|>"})


def _glm(folder: Path, config: Config, keys: KeyValues, texts: dict[str, str]) -> None:
    added = byte_level.add_vocabulary(folder, config, keys, family="glm")
    special = read_special(folder, added=added)
    for name, text in texts.items():
        if text not in added:
            raise ConversionError(f"{folder} has no token {text}, which every GLM tokenizer has; download it again.")
        special.ids.setdefault(name, added[text])
    if not (folder / "tokenizer.json").exists():
        # The code that stands in its place in GLM-4-9B's own form puts nothing after a text.
        special.around.setdefault("eos", False)
    add_special(special, keys)


def qwen(folder: Path, config: Config, keys: KeyValues) -> None:
    """The first Qwen: `qwen.tiktoken` with the special tokens that its code numbers."""
    added = byte_level.add_source(ranks.qwen(folder), folder, config, keys)
    special = read_special(folder)
    end = added["<|endoftext|>"]
    if not special.ids:
        special.ids.update(bos=end, eos=end)
    special.ids.setdefault("unk", end)
    add_special(special, keys)


def gemma(folder: Path, config: Config, keys: KeyValues) -> None:
    """Gemma 2 and 3: no space in front."""
    if _has_only_json(folder):
        json_pieces.add(folder, config, keys)
    else:
        spm.gemma(folder, config, keys)
    keys.boolean("tokenizer.ggml.add_space_prefix", False)


gemma3 = gemma


def phi3(folder: Path, config: Config, keys: KeyValues) -> None:
    """Phi-3 and 3.5; Phi-4 has GPT-2's kind."""
    declared = read_json_if_there(folder / "tokenizer_config.json")
    if declared.get("tokenizer_class") == "GPT2Tokenizer":
        bpe(folder, config, keys)
    elif _has_only_json(folder):
        json_pieces.add(folder, config, keys)
    else:
        spm.phi3(folder, config, keys)


def _has_parts(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("tokenizer.json", "vocab.json"))


def _has_only_json(folder: Path) -> bool:
    # Newer releases of transformers save no tokenizer.model with a fine-tune.
    return not (folder / "tokenizer.model").exists() and json_pieces.is_vocabulary(folder / "tokenizer.json")
