"""One model of the running service, asked as if it were our own: the prompt is ours, template and all."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any

from autoglm_lite.errors import AutoglmError, BusyError, PromptTooLongError, UnknownModelError
from autoglm_lite.generation import Event, GenerateRequest
from autoglm_lite.remote.answer import AnswerSoFar
from autoglm_lite.remote.http import GONE, Address, ServiceGoneError, ask

ERRORS: dict[int, type[AutoglmError]] = {404: UnknownModelError, 429: BusyError}
"""By the status of a refusal."""


class NotLetInError(AutoglmError):
    """The service does not accept our key."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A model that the service knows."""

    name: str
    n_ctx: int | None
    """Tokens; None while it is not in memory."""
    n_bytes: int | None
    """Of its file; None for one that cannot be used."""


class Client:
    """Of one service. Everything raises ServiceGoneError where it cannot be reached, NotLetInError, and AutoglmError
    with its own sentence for what it refuses."""

    def __init__(self, address: Address) -> None:
        self.address = address

    async def models(self) -> Sequence[Offered]:
        listed = await self._call("GET", "/v1/models")
        try:
            metas = {model["id"]: model.get("meta") or {} for model in listed["data"]}
            return [Offered(name, meta.get("n_ctx"), meta.get("size")) for name, meta in metas.items()]
        except (TypeError, KeyError, AttributeError) as error:
            raise ServiceGoneError(GONE) from error

    async def tokenize(self, model: str, text: str, *, templated: bool) -> list[int]:
        """As Worker's. Has the service load the model, unless the text is empty."""
        asked = {"model": model, "content": text, "templated": templated}
        said = await self._call("POST", "/tokenize", asked)
        try:
            return [int(token) for token in said["tokens"]]
        except (TypeError, KeyError, ValueError) as error:
            raise ServiceGoneError(GONE) from error

    async def generate(
        self, model: str, request: GenerateRequest, n_ctx: int, so_far: AnswerSoFar
    ) -> AsyncGenerator[Event, None]:
        """Waiting*, Prefill*, Text*, one Finished, of requests for one answer without log-probabilities and with a
        grammar from the first token on, if any. Closing the generator has the service stop. `n_ctx`: tokens that the
        context holds."""
        sampling = {**asdict(request.sampling), "logit_bias": dict(request.sampling.logit_bias)}
        body = {
            **sampling,
            "model": model,
            "prompt": request.prompt,
            "templated": request.templated,
            "max_tokens": request.max_tokens,
            "stop": list(request.stop),
            "thinking_tokens": request.thinking_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
        }
        async with ask(self.address, "POST", "/v1/completions", json.dumps(body).encode()) as reply:
            if reply.status != 200:
                raise _refusal(reply.status, await reply.whole())
            async with aclosing(reply.events()) as events:
                async for data in events:
                    if data == b"[DONE]":
                        break
                    for event in _taken(so_far, _decoded(data)):
                        yield event
        yield so_far.finished(n_ctx)

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        sent = b"" if body is None else json.dumps(body).encode()
        async with ask(self.address, method, path, sent) as reply:
            said = await reply.whole()
        if reply.status != 200:
            raise _refusal(reply.status, said)
        return _decoded(said)


def _taken(so_far: AnswerSoFar, chunk: dict[str, Any]) -> Sequence[Event]:
    try:
        return so_far.take(chunk)
    except (TypeError, KeyError, AttributeError) as error:
        # As of a service of another version.
        raise ServiceGoneError(GONE) from error


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise ServiceGoneError(GONE) from error
    if not isinstance(found, dict):
        raise ServiceGoneError(GONE)
    return found


def _refusal(status: int, said: bytes) -> AutoglmError:
    """What the service says it is, in either of the forms that its routes have."""
    found = _decoded(said).get("error")
    detail = found if isinstance(found, dict) else {"message": found}
    sentence = str(detail.get("message") or f"The running service refuses this (HTTP {status}).")
    if status in (401, 403):
        return NotLetInError(sentence)
    if detail.get("n_ctx") is not None:
        return PromptTooLongError(sentence, detail.get("n_prompt_tokens"), detail["n_ctx"])
    return ERRORS.get(status, AutoglmError)(sentence)
