"""Which models there are, what they are, and which are in memory: /api/tags, /api/show, /api/ps; /api/version and /."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Literal

import msgspec
from starlette.responses import PlainTextResponse, Response

from autoglm_lite.chat.tools.choose import tool_format
from autoglm_lite.errors import ModelFileError, UnknownModelError
from autoglm_lite.gguf.facts import ModelFacts, read_facts
from autoglm_lite.hardware.process import process_memory
from autoglm_lite.server.endpoint import Call, answered
from autoglm_lite.server.limits import Name
from autoglm_lite.server.ollama.answers import never, timestamp
from autoglm_lite.server.ollama.stored import Details, Stored, details, stored
from autoglm_lite.server.resident import Resident

PROTOCOL = "0.12.11"
"""The release of Ollama whose protocol this is: some clients refuse to speak to one that is older than they know."""
Capability = Literal["completion", "tools", "thinking", "embedding"]


class Listed(msgspec.Struct):
    name: str
    model: str
    modified_at: str
    size: int
    digest: str
    details: Details


class Tags(msgspec.Struct):
    models: list[Listed]


class ShowRequest(msgspec.Struct):
    model: Name | None = None
    name: Name | None = None
    """What older clients say instead."""


class Shown(msgspec.Struct):
    modelfile: str
    parameters: str
    template: str
    details: Details
    model_info: dict[str, Any]
    capabilities: list[Capability]
    modified_at: str


class InMemory(msgspec.Struct):
    name: str
    model: str
    size: int
    digest: str
    details: Details
    expires_at: str
    size_vram: int
    context_length: int


class Processes(msgspec.Struct):
    models: list[InMemory]


class Version(msgspec.Struct):
    version: str


async def tags(call: Call) -> Response:
    """Files that are no models are left out."""
    found = await asyncio.to_thread(_all, call)
    return answered(
        Tags([Listed(one.tag, one.tag, timestamp(one.modified), one.size, one.digest, one.details) for one in found])
    )


def _all(call: Call) -> list[Stored]:
    found = []
    for name, path in sorted(call.service.models.files().items()):
        with suppress(ModelFileError):
            found.append(stored(name, path))
    return found


async def show(call: Call) -> Response:
    models = call.service.models
    name = await models.name_of(call.body.model or call.body.name)
    path = (await asyncio.to_thread(models.files)).get(name)
    if path is None:
        raise UnknownModelError(f"The model {name} has just been removed.")
    facts = await asyncio.to_thread(read_facts, path)
    one = stored(name, path, facts)
    n_ctx = next((resident.plan.n_ctx for resident in models.residents if resident.name == name), None)
    parameters = {("temperature" if key == "temp" else key): value for key, value in facts.sampling.items()}
    if n_ctx is not None:
        parameters["num_ctx"] = n_ctx
    return answered(
        Shown(
            f"FROM {one.tag}\n",
            "\n".join(f"{key:<30} {value:g}" for key, value in parameters.items()),
            facts.chat_template or "",
            one.details,
            _info(facts),
            _capabilities(facts),
            timestamp(one.modified),
        )
    )


def _info(facts: ModelFacts) -> dict[str, Any]:
    """By the names that GGUF files have for it."""
    general = {
        "architecture": facts.architecture,
        "basename": facts.name,
        "parameter_count": facts.n_params,
    }
    own = {
        "context_length": facts.n_ctx_train,
        "embedding_length": facts.n_embd,
        "block_count": facts.n_layer,
        "feed_forward_length": facts.n_ff,
        "attention.head_count": facts.n_head,
        "attention.head_count_kv": facts.n_head_kv,
        "attention.key_length": facts.key_length,
        "attention.value_length": facts.value_length,
        "vocab_size": facts.n_vocab,
    }
    return {f"general.{key}": value for key, value in general.items()} | {
        f"{facts.architecture}.{key}": value for key, value in own.items()
    }


def _capabilities(facts: ModelFacts) -> list[Capability]:
    if facts.use == "embeddings":
        return ["embedding"]
    if facts.use != "chat":
        return []
    found: list[Capability] = ["completion"]
    template = facts.chat_template or ""
    if tool_format(template).name != "none":
        found.append("tools")
    if "enable_thinking" in template or "<think>" in template:
        found.append("thinking")
    return found


async def ps(call: Call) -> Response:
    found = []
    for resident in call.service.models.residents:
        # Nor is anything said of one whose file has been removed since.
        with suppress(ModelFileError):
            if resident.worker.loaded is not None:
                found.append(_in_memory(resident))
    return answered(Processes(found))


def _in_memory(resident: Resident) -> InMemory:
    one = stored(resident.name, resident.facts.path, resident.facts)
    plan, facts = resident.plan, resident.facts
    held = process_memory(resident.worker.pid)[0] if resident.worker.pid else 0
    on_devices = facts.tensor_bytes * min(plan.gpu_layers, facts.n_layer) // max(1, facts.n_layer)
    expires = resident.expires
    return InMemory(
        one.tag,
        one.tag,
        held + on_devices,
        one.digest,
        details(facts),
        never() if expires is None else timestamp(expires),
        on_devices,
        plan.n_ctx,
    )


async def version(call: Call) -> Response:
    return answered(Version(PROTOCOL))


async def root(call: Call) -> Response:
    """Clients look only at the status."""
    return PlainTextResponse("autoglm-lite is running")
