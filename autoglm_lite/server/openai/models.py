"""GET /v1/models: what can be asked, told without loading anything."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec
from starlette.responses import Response

from autoglm_lite.embedding import Use
from autoglm_lite.errors import ModelFileError, UnknownModelError
from autoglm_lite.gguf.facts import read_facts
from autoglm_lite.server.endpoint import Call, answered
from autoglm_lite.server.models import Models


class Facts(msgspec.Struct):
    """What a file says of its model; bytes."""

    architecture: str
    n_ctx_train: int
    n_params: int
    n_vocab: int
    n_embd: int
    size: int
    file_type: str
    use: Use


class Meta(Facts):
    loaded: bool
    """Whether it is in memory."""
    n_ctx: int | None
    """Of the loaded model: the tokens that a prompt and its answer have room for together."""


class Model(msgspec.Struct):
    id: str
    created: int
    """When the file was written last, in seconds since 1970."""
    object: Literal["model"] = "model"
    owned_by: Literal["autoglm-lite"] = "autoglm-lite"
    meta: Meta | msgspec.UnsetType = msgspec.UNSET
    """Not there for a file that cannot be used."""


class ModelList(msgspec.Struct):
    data: list[Model]
    object: Literal["list"] = "list"


async def list_models(call: Call) -> Response:
    files = await asyncio.to_thread(call.service.models.files)
    return answered(ModelList([await _model(call.service.models, name, files[name]) for name in sorted(files)]))


async def get_model(call: Call) -> Response:
    models = call.service.models
    name = await models.name_of(call.request.path_params["model"])
    path = (await asyncio.to_thread(models.files)).get(name)
    if path is None:
        raise UnknownModelError(f"The model {name!r} has just been removed.")
    return answered(await _model(models, name, path))


async def _model(models: Models, name: str, path: Path) -> Model:
    try:
        status = await asyncio.to_thread(path.stat)
    except OSError as error:
        raise UnknownModelError(f"The model {name!r} has just been removed.") from error
    found = Model(name, int(status.st_mtime))
    facts = await asyncio.to_thread(_facts, path, status.st_mtime_ns, status.st_size)
    if facts is not None:
        n_ctx = next((resident.plan.n_ctx for resident in models.residents if resident.name == name), None)
        found.meta = Meta(**msgspec.structs.asdict(facts), loaded=n_ctx is not None, n_ctx=n_ctx)
    return found


# A header is read in up to a second on an old laptop, and whoever lists models does it again and again.
@lru_cache(maxsize=64)
def _facts(path: Path, changed: int, n_bytes: int) -> Facts | None:
    """None for a file that cannot be used. `changed` and `n_bytes`: another file has others."""
    try:
        facts = read_facts(path)
    except ModelFileError:
        return None
    return Facts(
        facts.architecture,
        facts.n_ctx_train,
        facts.n_params,
        facts.n_vocab,
        facts.n_embd,
        facts.file_bytes,
        facts.file_type,
        facts.use,
    )
