"""The running service that tests ask."""

from __future__ import annotations

from tests.server.serving import Running


def test_answers(running: Running) -> None:
    assert running.http.get("/health").json() == {"status": "ok"}
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
    answer = running.http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == "starter"
    assert running.http.post("/v1/chat/completions", json={**body, "model": "broken"}).status_code == 503
