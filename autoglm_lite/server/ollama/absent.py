"""What Ollama does to the files of models, and this service leaves to its owner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from autoglm_lite.errors import UsageError
from autoglm_lite.server.endpoint import Call

SENTENCES = {
    "pull": "This service downloads no models: put a .gguf file among the stored models of its computer, or make one"
    " there with autoglm-lite convert.",
    "push": "This service uploads no models: copy the .gguf file from its computer.",
    "create": "This service makes no models: run autoglm-lite convert on its computer.",
    "copy": "This service copies no models: copy the .gguf file among the stored models of its computer.",
    "delete": "This service deletes no models: remove the .gguf file from the stored models of its computer.",
}


def refusing(what: str) -> Callable[[Call], Awaitable[Response]]:
    async def refuse(call: Call) -> Response:
        raise UsageError(SENTENCES[what])

    return refuse
