"""What answers in a chat: the running service where it has the model, else a worker of this program."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from autoglm_lite.commands.options import wishes
from autoglm_lite.errors import AutoglmError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from autoglm_lite.chat.backend import Backend
    from autoglm_lite.gguf.facts import ModelFacts
    from autoglm_lite.remote.client import Offered
    from autoglm_lite.remote.http import Address
    from autoglm_lite.worker.backend import LocalBackend

SECONDS_TO_SAY = 15.0
"""For a service to list its models: it reads the header of each from the disk first. One that hangs is given up."""


def offered(args: argparse.Namespace) -> Sequence[Offered]:
    """The models of the running service; none where the command line says how to load one, since the service loads as
    it was told itself."""
    from autoglm_lite.planning.make import Wishes

    return () if wishes(args) != Wishes() or args.profile is not None else served(SECONDS_TO_SAY)


def served(seconds: float) -> Sequence[Offered]:
    """The models of the running service; none where it does not say so in time."""
    if (address := find()) is None:
        return ()
    from autoglm_lite.remote.client import Client

    async def ask() -> Sequence[Offered]:
        return await asyncio.wait_for(Client(address).models(), seconds)

    try:
        return asyncio.run(ask())
    except (AutoglmError, asyncio.TimeoutError):
        return ()


def backend(
    args: argparse.Namespace, facts: ModelFacts, models: Sequence[Offered], say: Callable[[str], None]
) -> Backend:
    """`models`: those of the running service. Raises AutoglmError for a plan that cannot be made."""

    def local(say: Callable[[str], None]) -> LocalBackend:
        from autoglm_lite.commands.footprint import footprint
        from autoglm_lite.commands.planned import decided
        from autoglm_lite.paths import states_dir
        from autoglm_lite.worker.backend import LocalBackend

        found = decided(facts, facts.path, wishes(args), args.profile, say)
        return LocalBackend(found.choice.plan, found.lighter, states_dir(), partial(footprint, facts, found))

    known = _stored_name(facts.path), facts.file_bytes
    found = next((model for model in models if (model.name, model.n_bytes) == known), None)
    if found is None:
        return local(say)
    from autoglm_lite.planning.make import DEFAULT_CTX
    from autoglm_lite.remote.backend import ServiceBackend, ServiceFirst

    n_ctx = found.n_ctx or min(DEFAULT_CTX, facts.n_ctx_train)
    return ServiceFirst(ServiceBackend(find, found.name, facts.path, n_ctx), local)


def find() -> Address | None:
    """The running service of this user."""
    from autoglm_lite.service import running

    if (found := running.find()) is None:
        return None
    from autoglm_lite.remote.http import Address
    from autoglm_lite.server.keys import read_key

    try:
        return Address(found.pid, found.url, found.socket, read_key())
    except AutoglmError:
        return None


def _stored_name(path: Path) -> str | None:
    """By which the service knows this very file; None for a file that is not stored."""
    from autoglm_lite.store.models import starter_path, stored_models

    file = path.resolve()
    return next((stored.stem for stored in (starter_path(), *stored_models()) if stored.resolve() == file), None)
