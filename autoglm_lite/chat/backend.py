"""What a face talks to: a model that can be loaded, asked and watched, wherever it runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal, Protocol

from autoglm_lite.chat.events import Generates

if TYPE_CHECKING:
    from autoglm_lite.worker.watch import Notice

Place = Literal["here", "shared", "service"]
"""In a worker of this program; the same with a part on other computers; in the service that runs on this computer."""


class Backend(Generates, Protocol):
    """Belongs to one event loop."""

    @property
    def place(self) -> Place: ...

    @property
    def n_ctx(self) -> int:
        """Tokens that the context holds; before a load, as it is expected."""

    @property
    def loaded(self) -> bool:
        """Whether it can be asked; False before a load, and after what it runs in has gone."""

    @property
    def pid(self) -> int | None:
        """Of the process that has the model in memory, where that is known."""

    async def load(self, on_progress: Callable[[float], None], on_notice: Callable[[str], None]) -> None:
        """`on_progress` gets the share done, 0 to 1, where it can be told; `on_notice` a sentence each time that it
        is not loaded as it was planned. Raises AutoglmError."""

    async def watch(self, tell: Callable[[Notice], Awaitable[None]]) -> None:
        """Has it live well with other programs, until cancelled."""

    async def unload(self) -> int:
        """Gives the memory of a model back that is at rest; it is loaded again when it is asked for. Returns how many
        bytes that freed: 0 for one that is not ours, or at work."""

    async def close(self) -> None: ...
