"""A model's vocabulary, checked for all that llama.cpp's tokenizers take on trust (llama-vocab.cpp)."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import Literal, get_args

from autoglm_lite.gguf.charsmap import check_charsmap
from autoglm_lite.gguf.header import Header, damaged, quoted, unsupported
from autoglm_lite.gguf.values import Strings, ValueType

TokenizerModel = Literal["llama", "gpt2", "gemma4", "bert", "t5"]
TOKENIZER_MODELS: tuple[TokenizerModel, ...] = get_args(TokenizerModel)
"""SentencePiece with byte tokens, byte-level BPE, and Gemma 4's BPE; WordPiece; SentencePiece's unigrams."""
OF_ENCODERS = frozenset({"bert", "t5"})
"""These no model that writes uses."""

MAX_WORD_PIECE = 256
"""Bytes; llama.cpp compares every part of a word of up to the longest token's length, and real ones have 70."""

PRE_TOKENIZERS_WITH_BOS = frozenset(
    {"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano"}
    | {"tekken", "chameleon"}
)
"""Byte-level BPE vocabularies of these kinds begin a text with their bos token unless the file says otherwise."""

GEMMA4_PRE_TOKENIZERS = frozenset({"gemma4", "granite-embed-multi-311m"})
"""These begin with it whatever the file says."""

NO_TOKEN = (1 << 32) - 1
"""What some converters write for a token that the model lacks."""

_KEY = "tokenizer.ggml."
_ESSENTIAL_IDS = ("bos_token_id", "eos_token_id", "eot_token_id")
# Many files in use name ids beyond the vocabulary here, which llama.cpp reads as 'none'.
_OTHER_IDS = (
    "eom_token_id",
    "unknown_token_id",
    "seperator_token_id",
    "padding_token_id",
    "mask_token_id",
    "cls_token_id",
    "fim_pre_token_id",
    "fim_suf_token_id",
    "fim_mid_token_id",
    "fim_pad_token_id",
    "fim_rep_token_id",
    "fim_sep_token_id",
    "prefix_token_id",
    "suffix_token_id",
    "middle_token_id",
)
# What llama.cpp takes for bos and eos where a file names none; the token 11 of a BPE vocabulary means nothing.
_DEFAULT_IDS: dict[TokenizerModel, tuple[int | None, int | None]] = {
    "llama": (1, 2),
    "gpt2": (11, 11),
    "gemma4": (None, None),
    "bert": (101, None),
    "t5": (None, 1),
}
_DEFAULT_SEPARATOR, _DEFAULT_UNKNOWN = 102, {"bert": 100, "t5": 2}
_FLAGS = ("add_bos_token", "add_eos_token", "add_sep_token", "add_space_prefix", "remove_extra_whitespaces")
_BYTE_TOKEN_TYPE = 6


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The facts about a vocabulary that the rest of the program needs."""

    n_tokens: int
    bos_text: str
    """Empty when there is no such token; likewise `eos_text`."""
    eos_text: str
    add_bos: bool
    n_merges: int
    """Pairs that BPE joins; 0 for other kinds."""


def check_vocabulary(header: Header, *, encoder: bool = False) -> Vocabulary:
    """`encoder`: whether the model may use the tokenizers of encoders. Raises ModelFileError for a vocabulary that is
    damaged or of a kind we cannot run."""
    model = _tokenizer_model(header, encoder=encoder)
    tokens = header.strings(_KEY + "tokens")
    if not tokens:
        raise damaged(header.path, "it has no vocabulary")
    _check_companions(header, tokens)
    known = _distinct(header, tokens)
    if model == "llama":
        _check_byte_tokens(header, known)
    if model in ("gpt2", "gemma4"):
        _check_merges(header)
    if model == "bert":
        _check_word_pieces(header, tokens)
    if model == "t5":
        check_charsmap(header)
    for name in _FLAGS:
        header.flag(_KEY + name)
    for name in _OTHER_IDS:
        header.u32(_KEY + name)
    bos, eos, _ = (_token_id(header, name, len(tokens)) for name in _ESSENTIAL_IDS)
    add_bos = _adds_bos(header, model)
    default_bos, default_eos = _DEFAULT_IDS[model]
    _check_added(header, "bos", add_bos, bos, default_bos, len(tokens))
    _check_added(header, "eos", _adds_eos(header, model), eos, default_eos, len(tokens))
    if model in OF_ENCODERS:
        _check_always_used(header, model, len(tokens))
    if model in ("llama", "bert", "t5"):
        bos, eos = default_bos if bos is None else bos, default_eos if eos is None else eos
    merges = header.strings(_KEY + "merges") or ()
    return Vocabulary(len(tokens), _text(tokens, bos), _text(tokens, eos), add_bos, len(merges))


def _tokenizer_model(header: Header, *, encoder: bool) -> TokenizerModel:
    model = header.text(_KEY + "model")
    if model is None:
        raise damaged(header.path, "it has no vocabulary (the key tokenizer.ggml.model is missing)")
    for known in TOKENIZER_MODELS:
        if model == known and (encoder or model not in OF_ENCODERS):
            return known
    raise unsupported(
        header.path,
        f"its tokenizer is of the kind {quoted(model)}, which no model uses that is known here",
        "take another model",
    )


def _adds_bos(header: Header, model: TokenizerModel) -> bool:
    pre, wanted = header.text(_KEY + "pre"), header.flag(_KEY + "add_bos_token")
    if model == "gemma4" or (model == "gpt2" and pre in GEMMA4_PRE_TOKENIZERS):
        return True
    if model == "bert":
        # Whatever the file says.
        return True
    if wanted is not None:
        return wanted
    return model == "llama" or (model == "gpt2" and pre in PRE_TOKENIZERS_WITH_BOS)


def _adds_eos(header: Header, model: TokenizerModel) -> bool:
    wanted = header.flag(_KEY + "add_eos_token")
    return model == "t5" if wanted is None else wanted


def _check_always_used(header: Header, model: TokenizerModel, n_tokens: int) -> None:
    """What stands for unknown characters, and between and after texts where that is so."""
    needed = [("unknown_token_id", _DEFAULT_UNKNOWN[model])]
    if model == "bert":
        needed.append(("seperator_token_id", _DEFAULT_SEPARATOR))
    for name, default in needed:
        token = _token_id(header, name, n_tokens)
        if (default if token is None else token) >= n_tokens:
            raise damaged(header.path, f"its vocabulary lacks the token of {name}")


def _check_word_pieces(header: Header, tokens: Strings) -> None:
    """llama.cpp asks what byte a byte token stands for, and aborts since WordPiece has none."""
    if _BYTE_TOKEN_TYPE in (header.numbers(_KEY + "token_type", ValueType.INT32) or ()):
        raise damaged(header.path, "its vocabulary has tokens for bytes, as no WordPiece vocabulary does")
    if max(map(len, tokens)) > MAX_WORD_PIECE:
        raise damaged(header.path, f"a token of its vocabulary is longer than {MAX_WORD_PIECE} bytes")


def _check_companions(header: Header, tokens: Strings) -> None:
    """The lists that run beside the tokens."""
    scores = header.numbers(_KEY + "scores", ValueType.FLOAT32, ValueType.INT32)
    types = header.numbers(_KEY + "token_type", ValueType.INT32)
    for name, companion in (("scores", scores), ("types", types)):
        if companion is not None and len(companion) != len(tokens):
            raise damaged(header.path, f"it has {len(tokens):,} tokens but {len(companion):,} token {name}")
    if scores is not None and any(map(math.isnan, scores)):
        raise damaged(header.path, "a token's score is not a number")
    if types is not None:
        _check_types(header, tokens, types)


def _check_types(header: Header, tokens: Strings, types: array[int] | array[float]) -> None:
    # llama.cpp reads two hexadecimal digits at a fixed place of each byte token.
    if _BYTE_TOKEN_TYPE in types:
        for text, type_ in zip(tokens, types, strict=True):
            if type_ == _BYTE_TOKEN_TYPE and not (len(text) == 6 and text.startswith(b"<0x")):
                raise damaged(header.path, f"the token {quoted(text)} is marked as a byte and is none")


def _distinct(header: Header, tokens: Strings) -> set[bytes]:
    """llama.cpp takes a token's text up to the first NUL, gives names of its own to empty ones, and aborts if two
    are then the same."""
    known = set(tokens)
    if len(known) != len(tokens) or b"" in known or b"\0" in b"".join(known):
        known = {token.partition(b"\0")[0] or b"[EMPTY_%d]" % i for i, token in enumerate(tokens)}
        if len(known) != len(tokens):
            raise damaged(header.path, f"{len(tokens) - len(known):,} tokens of its vocabulary occur twice")
    return known


def _check_byte_tokens(header: Header, known: set[bytes]) -> None:
    """Text that no other token covers is cut into bytes, and llama.cpp dies of one that it cannot find."""
    for byte in range(256):
        if b"<0x%02X>" % byte not in known and bytes((byte,)) not in known:
            raise damaged(header.path, f"its vocabulary has no token for the byte {byte}")


def _check_merges(header: Header) -> None:
    merges = header.strings(_KEY + "merges")
    if merges is None and header.text(_KEY + "pre") != "kimi-k2":
        raise damaged(header.path, "its vocabulary has no merges")


def _token_id(header: Header, name: str, n_tokens: int) -> int | None:
    token = header.u32(_KEY + name)
    if token == NO_TOKEN:
        return None
    if token is not None and token >= n_tokens:
        raise damaged(header.path, f"its {name} is {token:,}, beyond its vocabulary of {n_tokens:,} tokens")
    return token


def _check_added(header: Header, name: str, added: bool, token: int | None, default: int | None, n_tokens: int) -> None:
    """A token that is put around every text must exist; where the file names none, llama.cpp has a default."""
    if added and token is None and (default is None or default >= n_tokens):
        raise damaged(header.path, f"it wants its {name} token added to every text and has none")


def _text(tokens: Strings, token: int | None) -> str:
    return "" if token is None or token >= len(tokens) else tokens[token].decode("utf-8", "replace")
