"""SentencePiece vocabularies: `tokenizer.model`, and what the JSON files beside it add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.errors import ConversionError
from converters.config import TOKENIZER_LIMIT, Config, read_json_if_there
from converters.keyvalues import KeyValues, ValueType
from converters.tokenizers.pieces import Kind, Piece, PieceModel, read_model
from converters.tokenizers.special import add_special, read_special
from converters.tokenizers.token import TokenType, added_type, token_id, token_text, vocab_size

UNUSED_SCORE, ADDED_SCORE = -10000.0, -1000.0
END_OF_TURN = "<|im_end|>"
DRAGON = "\N{DRAGON}"
"""Stands for InternLM's piece of one zero byte, which C would take for the end of a text."""
CHATGLM3_SPECIALS = (
    *("[MASK]", "[gMASK]", "[sMASK]", "sop", "eop"),
    *("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"),
)


@dataclass(slots=True)
class _Tokens:
    """The vocabulary under construction; all lists have one entry a token."""

    texts: list[str]
    scores: list[float]
    types: list[TokenType]

    def put(self, number: int, text: str, score: float, kind: TokenType) -> None:
        """Sets a token; one beyond the embedding is left out, because it can never be produced."""
        if number < len(self.texts):
            self.texts[number], self.scores[number], self.types[number] = text, score, kind


def sentencepiece(folder: Path, config: Config, keys: KeyValues) -> None:
    """The plain way (MiniCPM, and the others where nothing else is said); unigram models too."""
    model = _read(folder)
    tokens = _tokens(folder, config, model)
    _add_lists(model, tokens, keys)
    if not model.add_dummy_prefix and keys.get("tokenizer.ggml.add_space_prefix") is None:
        # llama.cpp puts a space in front unless it is told not to; tokenizer_config.json may have spoken first.
        keys.boolean("tokenizer.ggml.add_space_prefix", False)
    special = read_special(folder, len(tokens.texts))
    if model.kind is Kind.UNIGRAM and TokenType.UNKNOWN in tokens.types:
        # llama.cpp takes T5's number where none is given.
        special.ids.setdefault("unk", tokens.types.index(TokenType.UNKNOWN))
    add_special(special, keys)


def gemma(folder: Path, config: Config, keys: KeyValues) -> None:
    """Gemma 2 and 3; whoever calls it adds that no space comes in front, which is the last key."""
    model = _read(folder)
    tokens = _tokens(folder, config, model)
    _add_lists(model, tokens, keys)
    add_special(read_special(folder, len(tokens.texts)), keys)


def phi3(folder: Path, config: Config, keys: KeyValues) -> None:
    """Phi-3: tokenizer.json's added tokens count too, and only a declared special token is one."""
    model = _read(folder)
    tokens = _pieces(config, model.pieces)
    _put_user_defined(folder, tokens)
    _put_declared(folder, tokens)
    _add_lists(model, tokens, keys)
    add_special(read_special(folder, len(tokens.texts)), keys)


def internlm2(folder: Path, config: Config, keys: KeyValues) -> None:
    """InternLM 2: as Phi-3's, with its unused pieces, and a turn's end for the end of a text."""
    model = _read(folder)
    tokens = _pieces(config, [_internlm_piece(piece) for piece in model.pieces])
    _put_user_defined(folder, tokens)
    ends = [number for number, text in _put_declared(folder, tokens) if text == END_OF_TURN]
    _add_lists(model, tokens, keys)
    keys.boolean("tokenizer.ggml.add_space_prefix", model.add_dummy_prefix)
    special = read_special(folder, len(tokens.texts))
    if ends:
        special.ids["eos"] = ends[-1]
    add_special(special, keys)


def internlm3(folder: Path, config: Config, keys: KeyValues) -> None:
    """InternLM 3: the plain way, with a turn's end for the end of a text."""
    model = _read(folder)
    tokens = _tokens(folder, config, model)
    _add_lists(model, tokens, keys)
    declared = read_json_if_there(folder / "tokenizer_config.json")
    if "add_prefix_space" in declared:
        keys.boolean("tokenizer.ggml.add_space_prefix", bool(declared["add_prefix_space"]))
    special = read_special(folder, len(tokens.texts))
    for number, text, is_special in _decoder(folder):
        if is_special and text == END_OF_TURN and "eos" in special.ids:
            special.ids["eos"] = number
    add_special(special, keys)


def chatglm3(folder: Path, config: Config, keys: KeyValues) -> None:
    """ChatGLM3: its code numbers the special tokens from the last piece on."""
    model = _read(folder)
    names = ("<unk>", "<bos>", "<eos>")
    renamed = [(names[at] if at < 3 else text, score, kind) for at, (text, score, kind) in enumerate(model.pieces)]
    tokens = _pieces(config, renamed)
    tokens.scores[len(renamed) :] = [0.0] * (len(tokens.scores) - len(renamed))
    for number, text in enumerate(CHATGLM3_SPECIALS, len(renamed)):
        tokens.put(number, text, 0.0, TokenType.CONTROL)
    _add_lists(model, tokens, keys, pre="chatglm-spm")
    add_special(read_special(folder, len(tokens.texts)), keys)


def _read(folder: Path) -> PieceModel:
    path = folder / "tokenizer.model"
    model = read_model(path)
    if model.kind not in (Kind.BPE, Kind.UNIGRAM):
        raise ConversionError(
            f"{path} is a SentencePiece model of whole {model.kind.name}s, which llama.cpp cannot do."
        )
    return model


def _pieces(config: Config, pieces: Sequence[Piece]) -> _Tokens:
    n_vocab = vocab_size(config)
    texts = [f"[PAD{number}]" for number in range(n_vocab)]
    tokens = _Tokens(texts, [UNUSED_SCORE] * n_vocab, [TokenType.UNUSED] * n_vocab)
    for number, (text, score, kind) in enumerate(pieces):
        tokens.put(number, text, score, TokenType.NORMAL if kind is TokenType.USER_DEFINED else kind)
    return tokens


def _tokens(folder: Path, config: Config, model: PieceModel) -> _Tokens:
    tokens = _pieces(config, model.pieces)
    _put_user_defined(folder, tokens)
    for number, text, special in _decoder(folder):
        shown, kind = added_type(text, special)
        tokens.put(number, shown, ADDED_SCORE, kind)
    return tokens


def _put_user_defined(folder: Path, tokens: _Tokens) -> None:
    path = folder / "added_tokens.json"
    for text, value in read_json_if_there(path).items():
        tokens.put(token_id(value, path), text, ADDED_SCORE, TokenType.USER_DEFINED)


def _put_declared(folder: Path, tokens: _Tokens) -> list[tuple[int, str]]:
    path = folder / "tokenizer.json"
    entries = read_json_if_there(path, TOKENIZER_LIMIT).get("added_tokens", [])
    declared = [*_decoder(folder), *_entries(entries, path)]
    for number, text, special in declared:
        tokens.put(number, text, ADDED_SCORE, TokenType.CONTROL if special else TokenType.USER_DEFINED)
    return [(number, text) for number, text, _ in declared]


def _decoder(folder: Path) -> Iterator[tuple[int, str, bool]]:
    path = folder / "tokenizer_config.json"
    decoder = read_json_if_there(path).get("added_tokens_decoder", {})
    if not isinstance(decoder, dict):
        raise ConversionError(f"{path} gives added_tokens_decoder as no JSON object; download it again.")
    for value, entry in decoder.items():
        text = token_text(entry, path)
        yield token_id(value, path), text, bool(entry.get("special"))


def _entries(entries: object, path: Path) -> Iterator[tuple[int, str, bool]]:
    if not isinstance(entries, list):
        raise ConversionError(f"{path} lists its added tokens in an unknown way; download it again.")
    for entry in entries:
        text = token_text(entry, path)
        yield token_id(entry.get("id"), path), text, bool(entry.get("special"))


def _internlm_piece(piece: Piece) -> Piece:
    text, score, kind = piece
    return DRAGON if text == "\0" else text, score, TokenType.UNUSED if text.startswith("[UNUSED") else kind


def _add_lists(model: PieceModel, tokens: _Tokens, keys: KeyValues, pre: str = "default") -> None:
    unigram = model.kind is Kind.UNIGRAM
    add_lists("t5" if unigram else "llama", pre, zip(tokens.texts, tokens.scores, tokens.types, strict=True), keys)
    if unigram:
        keys.boolean("tokenizer.ggml.add_space_prefix", model.add_dummy_prefix)
        keys.boolean("tokenizer.ggml.remove_extra_whitespaces", model.remove_extra_whitespaces)
        keys.array("tokenizer.ggml.precompiled_charsmap", ValueType.UINT8, list(model.charsmap))


def add_lists(model: str, pre: str, tokens: Iterable[tuple[str, float, TokenType]], keys: KeyValues) -> None:
    """Adds the vocabulary's own keys; raises ConversionError when two tokens have one text."""
    texts, scores, types = (list(column) for column in zip(*tokens, strict=True))
    if len(set(texts)) != len(texts):
        raise ConversionError("The tokenizer has two tokens of one text, which llama.cpp cannot hold.")
    keys.string("tokenizer.ggml.model", model)
    keys.string("tokenizer.ggml.pre", pre)
    keys.array("tokenizer.ggml.tokens", ValueType.STRING, texts)
    keys.array("tokenizer.ggml.scores", ValueType.FLOAT32, scores)
    keys.array("tokenizer.ggml.token_type", ValueType.INT32, types)
