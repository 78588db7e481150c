"""A device that dies under the app: the user is told, and the next answer comes from this computer."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

from autoglm_lite.chat.history import History
from autoglm_lite.hardware import read_machine
from autoglm_lite.planning.make import Wishes, choose, fallbacks
from autoglm_lite.worker.backend import LocalBackend
from tests.tui.driving import STORY, desk_of, read, send, setup_of, until, write
from tests.worker.serving import serving
from tui.app import ChatApp
from tui.words import ENGLISH


def test_the_server_dies_in_mid_answer(endless_gguf: Path, history: History) -> None:
    async def run() -> None:
        async with serving() as server:
            alone, wishes = setup_of(endless_gguf, history, max_tokens=4000), Wishes(ctx=8192, threads=1)
            here = replace(read_machine(), devices=(server.device,))
            plan = choose(alone.facts, here, wishes).plan
            model = LocalBackend(plan, fallbacks(alone.facts, here, wishes, plan))
            app = ChatApp(desk_of(replace(alone, n_ctx=plan.n_ctx), model), ENGLISH)
            try:
                async with app.run_test(size=(100, 40)) as pilot:
                    await until(pilot, lambda: "what you write goes to them as well" in read(app))
                    await write(pilot, "Once")
                    await send(pilot, app)
                    await until(pilot, lambda: app.asking.answer_text)
                    os.kill(server.pid, signal.SIGKILL)
                    await until(pilot, lambda: not app.asking.is_busy)
                    await until(pilot, lambda: f"The connection to {server.endpoint}" in read(app))
                    await write(pilot, "Once upon a time")
                    await send(pilot, app)
                    await until(pilot, lambda: f"{server.endpoint} is not used any more" in read(app))
                    await until(pilot, lambda: len(app.asking.answer_text) > 60)
                    assert app.asking.answer_text.startswith(STORY[:60])
                    assert model.plan.devices == ()
            finally:
                await app.desk.close()

    asyncio.run(run())
