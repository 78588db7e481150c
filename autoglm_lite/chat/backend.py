"""What a face talks to: a model that can be loaded, asked and watched, wherever it runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from autoglm_lite.chat.events import Generates

if TYPE_CHECKING:
    from autoglm_lite.planning.memory import Predicted
    from autoglm_lite.worker.watch import Notice

Place = Literal["here", "shared", "service"]
"""In a worker of this program; the same with a part on other computers; in the service that runs on this computer."""


@dataclass(frozen=True, slots=True)
class OnDevice:
    """What one graphics card or one other computer takes of a model."""

    name: str
    layers: int
    n_bytes: int | None
    """As planned."""
    memory_total: int | None
    """Bytes of the device."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a model takes and can do on this machine, as it was planned; None or empty where that is not known."""

    predicted: Predicted | None = None
    decode: float | None = None
    """Tokens per second, which memory or the processor limit at the beginning of a conversation."""
    threads: int | None = None
    cpus: tuple[int, ...] = ()
    """The processors that it computes on."""
    devices: tuple[OnDevice, ...] = ()
    n_layer: int | None = None


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

    async def footprint(self, *, idle: bool) -> Footprint:
        """Of the model as it is loaded. `idle`: nobody waits for an answer, so that the machine may be measured where
        it was not today, which takes all cores for half a second. Never raises."""

    async def load(self, on_progress: Callable[[float], None], on_notice: Callable[[str], None]) -> None:
        """`on_progress` gets the share done, 0 to 1, where it can be told; `on_notice` a sentence each time that it
        is not loaded as it was planned. Raises AutoglmError."""

    async def watch(self, tell: Callable[[Notice], Awaitable[None]]) -> None:
        """Has it live well with other programs, until cancelled."""

    async def unload(self) -> int:
        """Gives the memory of a model back that is at rest; it is loaded again when it is asked for. Returns how many
        bytes that freed: 0 for one that is not ours, or at work."""

    async def close(self) -> None: ...
