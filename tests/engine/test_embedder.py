"""Vectors and ranks as llama.cpp computes them, against NumPy, and what a batch of several texts must not change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.engine.embedder import BATCH_TOKENS, Embedder, batches
from autoglm_lite.errors import AutoglmError, LoadError, PromptTooLongError, UsageError
from autoglm_lite.gguf import read_facts
from autoglm_lite.planning.embedding import TEXTS_TOGETHER, suited
from autoglm_lite.planning.plan import Plan
from tests.engine import embedding_forward as forward
from tests.engine.forward import as_f32
from tests.gguf.embedders import (
    CLS,
    EMBEDDERS,
    RERANKERS,
    SEP,
    WORD_PIECES,
    bert,
    bert_cls,
    bert_reranker,
    cross_encoder,
    nomic_bert,
    qwen3_embedding,
    qwen3_reranker,
)
from tests.gguf.tiny import N_CTX, Tiny, text

TEXTS = ["the cat sat on the mat", "what is a dog?", "x", "你好 世界", "the dogs barking, barked.", "a " * 30]
QUERY = "what is a cat?"
Forward = Callable[[Tiny, list[int]], forward.Array]


@contextmanager
def opened(tiny: Tiny, path: Path, *, flash_attention: bool | None = False, n_ctx: int = N_CTX) -> Iterator[Embedder]:
    facts = read_facts(tiny.write(path))
    plan = Plan(str(path), n_ctx, 1, 1, n_ubatch=16, kv_type="f32", flash_attention=flash_attention)
    with closing(Embedder(suited(facts, plan))) as embedder:
        yield embedder


def vectors(embedder: Embedder, texts: list[str]) -> forward.Array:
    return np.array([vector for part in embedder.embed(texts) for vector in part.vectors])


def scores(embedder: Embedder, documents: list[str]) -> list[float]:
    return [score for part in embedder.rerank(QUERY, documents) for score in part.scores]


def unit(x: forward.Array) -> forward.Array:
    return np.asarray(x / np.linalg.norm(x))


def word_pieces(text: str) -> list[int]:
    """The longest pieces that make up each word, as llama.cpp has them: a word's first letter after a mark, signs and
    Chinese characters words of their own."""
    found: list[int] = []
    for word in "".join(f" {letter} " if letter in ",.?你好世界" else letter for letter in text).split():
        rest, pieces = "▁" + word, []
        while rest:
            length = next((n for n in range(len(rest), 0, -1) if rest[:n] in WORD_PIECES), 0)
            if not length:
                pieces = [WORD_PIECES.index("[UNK]")]
                break
            pieces.append(WORD_PIECES.index(rest[:length]))
            rest = rest[length:]
        found += pieces
    return found


def test_word_pieces(tmp_path: Path) -> None:
    with opened(bert(), tmp_path / "m.gguf") as embedder:
        for given_text in ("the cat sat on the mat", "what is a dog?", "barking, barked.", "the é the", "你好 世界"):
            assert embedder.tokenize(given_text) == [CLS, *word_pieces(given_text.replace("é", "e")), SEP]


@pytest.mark.parametrize(
    ("make", "compute", "pool"),
    [
        (bert, forward.bert, lambda x: x.mean(0)),
        (bert_cls, forward.bert, lambda x: x[0]),
        (nomic_bert, forward.nomic_bert, lambda x: x.mean(0)),
        (qwen3_embedding, forward.qwen3, lambda x: x[-1]),
    ],
)
@pytest.mark.parametrize("flash_attention", [False, None])
def test_vectors_against_numpy(
    make: Callable[[], Tiny],
    compute: Forward,
    pool: Callable[[forward.Array], forward.Array],
    flash_attention: bool | None,
    tmp_path: Path,
) -> None:
    tiny = as_f32(make())
    with opened(tiny, tmp_path / "m.gguf", flash_attention=flash_attention) as embedder:
        found = vectors(embedder, TEXTS)
        expected = [unit(pool(compute(tiny, embedder.tokenize(text)))) for text in TEXTS]
    assert np.linalg.norm(found, axis=1) == pytest.approx(1)
    # Flash attention keeps keys and values of encoders in 16 bits.
    assert np.abs(found - expected).max() < (1e-3 if flash_attention is False else 5e-3)
    # Else any vector would do.
    assert np.abs(found[0] - found[1]).max() > 0.02


def test_ranks_of_an_encoder_against_numpy(tmp_path: Path) -> None:
    tiny = as_f32(cross_encoder())
    weights = forward.Weights(tiny)
    with opened(tiny, tmp_path / "m.gguf") as embedder:
        found = scores(embedder, TEXTS)
    for document, score in zip(TEXTS, found, strict=True):
        tokens = [CLS, *word_pieces(QUERY), SEP, *word_pieces(document)]
        expected = weights.linear(forward.bert(tiny, tokens)[:1], "cls.output")[0, 0]
        assert score == pytest.approx(expected, abs=1e-3)


def test_ranks_of_a_classifier_of_two_layers_against_numpy(tmp_path: Path) -> None:
    tiny = as_f32(bert_reranker())
    weights = forward.Weights(tiny)
    with opened(tiny, tmp_path / "m.gguf") as embedder:
        found = scores(embedder, TEXTS[:3])
        query, documents = (embedder.tokenize(QUERY), [embedder.tokenize(document) for document in TEXTS[:3]])
    for document, score in zip(documents, found, strict=True):
        # <s> query </s> document </s>: what the vocabulary puts around each, but one <s>.
        tokens = [*query, *document[1:]]
        hidden = np.tanh(weights.linear(forward.bert(tiny, tokens)[:1], "cls"))
        assert score == pytest.approx(weights.linear(hidden, "cls.output")[0, 0], abs=1e-3)


def test_ranks_of_a_decoder_against_numpy(tmp_path: Path) -> None:
    tiny = as_f32(qwen3_reranker())
    weights = forward.Weights(tiny)
    with opened(tiny, tmp_path / "m.gguf") as embedder:
        found = scores(embedder, TEXTS)
        for document, score in zip(TEXTS, found, strict=True):
            prompt = f"<|im_start|>Query: {QUERY}\nDocument: {document}<|im_end|>"
            tokens = embedder.tokenize(prompt, templated=True)
            answer = weights.linear(forward.qwen3(tiny, tokens)[-1:], "cls.output")
            assert score == pytest.approx(forward.softmax(answer)[0, 0], abs=1e-3)


def test_a_query_may_look_like_the_template(tmp_path: Path) -> None:
    with opened(qwen3_reranker(), tmp_path / "m.gguf") as embedder:
        (one,) = embedder.rerank("{document}", ["cat"])
        assert one.n_tokens == [
            len(embedder.tokenize("<|im_start|>Query: {document}\nDocument: cat<|im_end|>", templated=True))
        ]


@pytest.mark.parametrize("name", EMBEDDERS)
def test_a_text_has_the_same_vector_alone_and_among_others(name: str, tmp_path: Path) -> None:
    with opened(EMBEDDERS[name](), tmp_path / "m.gguf") as embedder:
        together = vectors(embedder, TEXTS)
        alone = np.concatenate([vectors(embedder, [text]) for text in reversed(TEXTS)])[::-1]
    assert np.abs(together - alone).max() < 1e-4
    assert np.linalg.norm(together, axis=1) == pytest.approx(1)


@pytest.mark.parametrize("name", RERANKERS)
def test_a_document_has_the_same_rank_alone_and_among_others(name: str, tmp_path: Path) -> None:
    with opened(RERANKERS[name](), tmp_path / "m.gguf") as embedder:
        together = scores(embedder, TEXTS[:5])
        assert together == pytest.approx([scores(embedder, [text])[0] for text in TEXTS[:5]], abs=1e-3)


@pytest.mark.parametrize("name", EMBEDDERS)
def test_the_longest_text_and_one_token_more(name: str, tmp_path: Path) -> None:
    # An odd length, of which llama.cpp makes a longer one for itself.
    n_ctx = N_CTX - 3
    with opened(EMBEDDERS[name](), tmp_path / "m.gguf", n_ctx=n_ctx) as embedder:
        longest = next(word for n in range(n_ctx, 0, -1) if len(embedder.tokenize(word := "x" * n)) <= n_ctx)
        n = len(embedder.tokenize(longest))
        assert n_ctx - 2 <= n <= n_ctx
        (found,) = embedder.embed([longest])
        assert found.n_tokens == [n]
        with pytest.raises(
            PromptTooLongError, match=f"number 2 is .* tokens long, but the model was loaded for {n_ctx}"
        ):
            list(embedder.embed(["x", longest + "xxx"]))


def test_many_texts_come_in_parts_and_in_order(tmp_path: Path) -> None:
    with opened(bert(), tmp_path / "m.gguf") as embedder:
        parts = list(embedder.embed(TEXTS * 5))
        once = vectors(embedder, TEXTS)
    assert [part.n_left for part in parts][-1] == 0
    assert len(parts) > 2
    found = np.array([vector for part in parts for vector in part.vectors])
    assert np.abs(found - np.tile(once, (5, 1))).max() < 1e-4
    n_tokens = [n for part in parts for n in part.n_tokens]
    assert n_tokens[: len(TEXTS)] == n_tokens[-len(TEXTS) :]


def test_requests_that_make_no_sense(tmp_path: Path) -> None:
    tiny = qwen3_embedding()
    tiny.drop("tokenizer.ggml.add_eos_token")
    with opened(tiny, tmp_path / "m.gguf") as embedder:
        with pytest.raises(UsageError, match="There is no text"):
            list(embedder.embed([]))
        with pytest.raises(UsageError, match="number 2 is empty"):
            list(embedder.embed(["a", ""]))
        with pytest.raises(LoadError, match=r"only makes embeddings and cannot rank .* choose a reranking model"):
            list(embedder.rerank("a", ["b"]))
    with opened(cross_encoder(), tmp_path / "r.gguf") as embedder:
        with pytest.raises(LoadError, match=r"only ranks documents .* choose an embedding model"):
            list(embedder.embed(["a"]))
        with pytest.raises(PromptTooLongError, match="document number 1 with its query"):
            list(embedder.rerank("a " * 100, ["b " * 30]))


def test_a_reranker_without_anything_between_two_texts(tmp_path: Path) -> None:
    tiny = qwen3_reranker()
    tiny.drop("tokenizer.chat_template.rerank")
    with pytest.raises(LoadError, match="no template"), opened(tiny, tmp_path / "m.gguf"):
        pass


def test_results_that_are_no_numbers(tmp_path: Path) -> None:
    tiny = bert()
    norm = tiny.tensor("blk.1.layer_output_norm.bias")
    norm.data = np.full(norm.shape, np.nan, np.float32).tobytes()
    with opened(tiny, tmp_path / "m.gguf") as embedder, pytest.raises(AutoglmError, match="no numbers"):
        list(embedder.embed(["a"]))


@pytest.mark.parametrize("make", [bert, qwen3_embedding])
def test_cancelled_between_batches_and_in_one(make: Callable[[], Tiny], tmp_path: Path) -> None:
    with opened(make(), tmp_path / "m.gguf") as embedder:
        expected = vectors(embedder, TEXTS)
        running = embedder.embed(TEXTS * 50)
        next(running)
        embedder.cancel()
        with pytest.raises(AutoglmError, match="stopped"):
            next(running)
        embedder.reset_cancel()
        stopped = threading.Timer(0.01, embedder.cancel)
        stopped.start()
        with pytest.raises(AutoglmError, match="stopped"):
            list(embedder.embed(TEXTS * 5000))
        stopped.join()
        embedder.reset_cancel()
        # What was computed half is not seen by the next.
        assert np.abs(vectors(embedder, TEXTS) - expected).max() < 1e-6


def test_buffers_are_given_back_and_made_again(tmp_path: Path) -> None:
    with opened(bert(), tmp_path / "m.gguf") as embedder:
        before = vectors(embedder, TEXTS)
        embedder.shed_context()
        assert embedder.shed_context() == 0
        assert np.abs(vectors(embedder, TEXTS) - before).max() < 1e-6


def test_a_template_of_a_rank_need_not_name_both(tmp_path: Path) -> None:
    tiny = qwen3_reranker()
    tiny.put(text("tokenizer.chat_template.rerank", "{document}"))
    with opened(tiny, tmp_path / "m.gguf") as embedder:
        first, second = (next(embedder.rerank(query, ["the cat"])).scores for query in ("a", "b"))
        assert first == second


@given(st.lists(st.integers(1, 400), max_size=60), st.integers(1, 300), st.integers(1, 20))
def test_batches(lengths: list[int], most_tokens: int, most_texts: int) -> None:
    found = list(batches(lengths, most_tokens, most_texts))
    assert [i for start, end in found for i in range(start, end)] == list(range(len(lengths)))
    for start, end in found:
        total = sum(lengths[start:end])
        assert end - start == 1 or (total <= most_tokens and end - start <= most_texts)
        # None that could have taken the next text has been left without it.
        assert end - start == most_texts or end == len(lengths) or total + lengths[end] > most_tokens


def test_a_batch_fits_into_every_context() -> None:
    assert TEXTS_TOGETHER <= BATCH_TOKENS
