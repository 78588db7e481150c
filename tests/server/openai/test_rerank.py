"""/v1/rerank."""

from __future__ import annotations

import pytest

from tests.server.serving import Running

QUERY = "what is a cat?"
TEXTS = ["the cat sat on the mat", "what is a dog?", "x"]


def test_the_best_first(running: Running) -> None:
    found = running.http.post("/v1/rerank", json={"model": "ranks", "query": QUERY, "documents": TEXTS}).json()
    assert found["model"] == "ranks"
    assert sorted(one["index"] for one in found["results"]) == [0, 1, 2]
    scores = [one["relevance_score"] for one in found["results"]]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 3
    assert found["usage"]["prompt_tokens"] == found["usage"]["total_tokens"] > len(TEXTS)
    # The same whatever their order is.
    turned = running.http.post("/rerank", json={"query": QUERY, "documents": TEXTS[::-1]}).json()
    assert [2 - one["index"] for one in turned["results"]] == [one["index"] for one in found["results"]]


def test_so_many_of_them_with_their_texts(running: Running) -> None:
    documents = [TEXTS[0], {"text": TEXTS[1]}, {"text": TEXTS[2], "title": "of no meaning"}]
    asked = {"query": QUERY, "documents": documents, "top_n": 2, "return_documents": True}
    found = running.http.post("/v1/rerank", json=asked).json()["results"]
    assert len(found) == 2
    assert all(one["document"] == {"text": TEXTS[one["index"]]} for one in found)
    bare = running.http.post("/v1/rerank", json={**asked, "return_documents": False, "top_n": 7}).json()["results"]
    assert len(bare) == 3
    assert not any("document" in one for one in bare)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"documents": []}, "documents: expected `array` of length >= 1"),
        ({"documents": TEXTS, "top_n": 0}, "top_n: expected `int` >= 1"),
        ({"documents": ["the cat " * 300]}, "document number 1 with its query is 607 tokens"),
        ({"documents": [{"title": "a"}]}, "missing required field `text`"),
        ({"documents": TEXTS, "model": "vectors"}, "vectors only makes embeddings and cannot rank documents"),
    ],
)
def test_what_is_refused(running: Running, fields: dict[str, object], sentence: str) -> None:
    found = running.http.post("/v1/rerank", json={"model": "ranks", "query": QUERY, **fields})
    assert found.status_code == 400
    assert sentence in found.json()["error"]["message"]
