"""Token ids are those of the libraries: a small tokenizer of each kind, trained here, through our GGUF and llama.cpp.

Where llama.cpp reads text in another way than the library, whatever is written, the smallest class of such text that
was found is a function below; a line outside it must agree.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import tiktoken
import tokenizer_training as training
from checkpoints import LLAMA3_REGEX, QWEN2_REGEX, write_json
from tokenizer_cases import write_ranks
from tokenizer_lines import lines
from tokenizers import Tokenizer
from vocabulary import converted, encode, run

FEW, MANY = 1200, 20000
COUNTS = [pytest.param(FEW, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.slow)]

Odd = Callable[[str], bool]


def long_s(text: str) -> bool:
    """`(?i:'s)` means the long s too, in the library; llama.cpp spells the two cases out."""
    return "'\u017f" in text


def not_composed(text: str) -> bool:
    """llama.cpp does not bring text into Unicode's normal form C."""
    return unicodedata.normalize("NFC", text) != text


def marks_or_case(text: str) -> bool:
    """llama.cpp's tekken and gpt-4o know no combining marks, and the case of ASCII letters only."""
    kinds = {unicodedata.category(letter) for letter in text if not letter.isascii()}
    return bool(kinds & {"Lu", "Ll", "Lt", "Mn", "Mc", "Me"})


def space_first(text: str) -> bool:
    """Metaspace puts no space before a text that begins with one; llama.cpp always does, after special tokens too."""
    for special in ("<unk>", "<s>", "</s>", *(special for special, _ in training.SPECIALS)):
        text = text.replace(special, "\0 " if special + " " in text else "\0")
    return text.startswith(" ") or "\0 " in text


ODD: dict[str, Odd] = {
    "qwen2": lambda text: not_composed(text) or long_s(text),
    "qwen3_5": lambda text: not_composed(text) or long_s(text),
    "mistral": marks_or_case,
    "gpt_4o": lambda text: marks_or_case(text) or long_s(text),
    **dict.fromkeys(("llama3", "smaug", "glm4", "olmo2", "minicpm5"), long_s),
}


def compare(found: Callable[[str], list[int]], expected: Callable[[str], list[int]], texts: Iterable[str]) -> int:
    """How many of `texts` were compared, all of which agree."""
    count = 0
    for text in texts:
        assert found(text) == expected(text), repr(text)
        count += 1
    return count


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", training.BYTE_LEVEL)
def test_byte_level(kind: str, count: int, tmp_path: Path) -> None:
    training.byte_level(tmp_path, kind)
    library = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    keys = converted(tmp_path, "bpe")
    assert dict(keys)["tokenizer.ggml.pre"].content == training.BYTE_LEVEL[kind][3]
    odd = ODD.get(kind)
    texts = lines(count)
    with run(keys, tmp_path) as model:
        compared = compare(
            lambda text: encode(model, text),
            lambda text: list(library.encode(text, add_special_tokens=False).ids),
            (text for text in texts if odd is None or not odd(text)),
        )
    assert compared > count * 0.6


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(
    ("way", "options"),
    [
        ("llama", {}),
        (
            "minicpm",
            {"add_dummy_prefix": False, "split_by_unicode_script": False, "allow_whitespace_only_pieces": True},
        ),
        ("gemma", {"add_dummy_prefix": False, "split_digits": True}),
        ("internlm2", {"split_digits": True}),
        ("phi3", {"byte_fallback": True}),
    ],
)
def test_sentencepiece_bpe(way: str, options: dict[str, bool], count: int, tmp_path: Path) -> None:
    library = training.pieces(tmp_path, "bpe", **options)
    with run(converted(tmp_path, way), tmp_path) as model:
        assert compare(lambda text: encode(model, text), library.encode, _plain(lines(count)))


def _plain(texts: Iterable[str]) -> list[str]:
    # The library does not look for special tokens in a text.
    return [text for text in texts if "</s>" not in text]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("rule", ["identity", "nmt_nfkc"])
def test_sentencepiece_unigram(rule: str, count: int, tmp_path: Path) -> None:
    """Of two ways to split a text with one score in all, either will do; llama.cpp adds in 64 bits, the library in 32.

    llama.cpp ends a text at a zero byte here, writes the unknown token for bytes, and puts no space before nothing.
    """
    merged = rule != "identity"
    library = training.pieces(
        tmp_path, "unigram", normalization_rule_name=rule, remove_extra_whitespaces=merged, byte_fallback=False
    )

    def score(ids: list[int]) -> float:
        return round(sum(library.get_score(number) for number in ids), 3)

    with run(converted(tmp_path, "automatic"), tmp_path) as model:
        for text in _plain(lines(count)):
            if "\0" in text or not text.strip(" "):
                continue
            found, expected = encode(model, text), library.encode(text)
            assert found == expected or score(found) == pytest.approx(score(expected), abs=2e-3), repr(text)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("prefix", ["normalizer", "metaspace", "none"])
def test_sentencepiece_as_json(prefix: str, count: int, tmp_path: Path) -> None:
    training.json_form(tmp_path, training.pieces(tmp_path, "bpe", allow_whitespace_only_pieces=True), prefix)
    library = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    texts = [text for text in lines(count) if prefix != "metaspace" or not space_first(text)]
    with run(converted(tmp_path, "gemma" if prefix == "none" else "phi3"), tmp_path) as model:
        assert compare(
            lambda text: encode(model, text),
            lambda text: list(library.encode(text, add_special_tokens=False).ids),
            texts,
        )


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("way", ["chatglm", "qwen"])
def test_tiktoken(way: str, count: int, tmp_path: Path) -> None:
    """GLM-4's and the first Qwen's files of ranks, against tiktoken itself."""
    training.byte_level(tmp_path, "smaug" if way == "chatglm" else "qwen2")
    ranks = training.ranks(tmp_path, whole_words=way == "chatglm")
    specials = {text: len(ranks) + at for at, text in enumerate(training.RANK_SPECIALS[way])}
    for path in tmp_path.iterdir():
        path.unlink()
    write_ranks(tmp_path / ("tokenizer.model" if way == "chatglm" else "qwen.tiktoken"), ranks)
    write_json(tmp_path / "config.json", {"vocab_size": len(ranks) + 256, "padded_vocab_size": len(ranks) + 256})
    decoder = {str(number): {"content": text, "special": True} for text, number in specials.items()}
    declared = {"added_tokens_decoder": decoder} if way == "chatglm" else {}
    write_json(tmp_path / "tokenizer_config.json", {"tokenizer_class": "ChatGLM4Tokenizer", **declared})
    regex = LLAMA3_REGEX if way == "chatglm" else QWEN2_REGEX
    library = tiktoken.Encoding("ours", pat_str=regex, mergeable_ranks=ranks, special_tokens=specials)
    with run(converted(tmp_path, way), tmp_path) as model:
        assert compare(
            lambda text: encode(model, text),
            lambda text: library.encode(text, allowed_special="all"),
            (text for text in lines(count) if not long_s(text)),
        )
