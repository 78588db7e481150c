"""Which layers go to which device: as many as really fit, and what helps most first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.hardware.devices import Device
from autoglm_lite.planning.memory import MIB, device_bytes, layer_kv_bytes
from autoglm_lite.planning.placement import KEEP_OUTPUT, block_of, is_expert, keep_experts
from autoglm_lite.planning.plan import DevicePart, Plan

MARGIN = 128 * MIB
"""Of a device's free memory, left for its driver and for what other programs do; at least a tenth of it is."""


@dataclass(frozen=True, slots=True)
class _Weights:
    """Bytes of some tensors, and of the largest of them."""

    total: int = 0
    largest: int = 0

    def __add__(self, other: _Weights) -> _Weights:
        return _Weights(self.total + other.total, max(self.largest, other.largest))


def room_on(device: Device, vram: int | None) -> int:
    """Bytes that a plan may take of it; `vram` is the most that the user allows."""
    room = device.memory_free - max(MARGIN, device.memory_free // 10)
    return max(0, room if vram is None else min(room, vram))


def usable(devices: Sequence[Device], *, asked: bool) -> tuple[Device, ...]:
    """Those that layers are put on. Graphics within the processor only where the user has `asked` for layers there,
    and no card is: they share the memory that is short, and write no faster."""
    cards = [device for device in devices if device.kind == "gpu"]
    return tuple(device for device in devices if device.kind != "igpu" or (asked and not cards))


def offload(facts: ModelFacts, devices: Sequence[Device], plan: Plan, vram: int | None, most: int | None) -> Plan:
    """`plan` with as many layers on `devices` as fit, at most `most` (the output layer counts as one).

    In this order: layers from the last to the first without their experts; the experts; the output layer. Other
    computers take no part where the whole model fits on this one's cards: the network is slower than any of them.
    """
    rooms = [(device, room_on(device, vram)) for device in usable(devices, asked=most is not None)]
    if not rooms or not facts.tensors or most == 0:
        return plan
    limit = facts.n_layer + 1 if most is None else most
    cards = [(device, room) for device, room in rooms if device.endpoint is None]
    if 0 < len(cards) < len(rooms):
        on_cards = _Search(facts, plan, cards, limit).best()
        if on_cards.gpu_layers > facts.n_layer:
            return on_cards
    return _Search(facts, plan, rooms, limit).best()


class _Search:
    def __init__(self, facts: ModelFacts, plan: Plan, rooms: Sequence[tuple[Device, int]], most: int) -> None:
        self._facts = facts
        self._plan = plan
        self._rooms = rooms
        self._most = most
        self._kv = layer_kv_bytes(facts, plan)
        self._dense = [_Weights()] * facts.n_layer
        self._experts = [_Weights()] * facts.n_layer
        self._output = _Weights()
        for tensor in facts.tensors:
            weights, block = _Weights(tensor.n_bytes, tensor.n_bytes), block_of(tensor)
            if block is None:
                if tensor.name.startswith("output") or (facts.tied and tensor.name.startswith("token_embd.")):
                    self._output += weights
            elif is_expert(tensor):
                self._experts[block] += weights
            else:
                self._dense[block] += weights

    def best(self) -> Plan:
        counts = self._layers()
        n_layers, n_layer = sum(counts), self._facts.n_layer
        if not n_layers:
            return self._plan
        complete = n_layers == n_layer
        kept = {i for i in range(n_layer - n_layers, n_layer) if self._experts[i].total}
        if complete:
            for layer in sorted(kept, reverse=True):
                if self._fits(counts, kept - {layer}, output=False):
                    kept.remove(layer)
        output = complete and not kept and self._most > n_layer and self._fits(counts, kept, output=True)
        patterns = [] if output else [KEEP_OUTPUT]
        if kept:
            patterns.append(keep_experts(sorted(kept)))
        return replace(
            self._plan,
            gpu_layers=n_layers + output,
            devices=tuple(
                DevicePart(device.name, device.endpoint, n)
                for n, (device, _) in zip(counts, self._rooms, strict=True)
                if n
            ),
            on_cpu=tuple(patterns),
        )

    def _layers(self) -> list[int]:
        """How many for each device, without experts."""
        counts = [0] * len(self._rooms)
        every = set(range(self._facts.n_layer))
        for i in reversed(range(len(counts))):
            while sum(counts) < min(self._facts.n_layer, self._most):
                counts[i] += 1
                if not self._fits(counts, every, output=False):
                    counts[i] -= 1
                    break
        return self._evenly(counts)

    def _evenly(self, counts: list[int]) -> list[int]:
        """The same number of layers, each device as full as the others, if that fits."""
        n_layers, total = sum(counts), sum(room for _, room in self._rooms)
        ends = [0]
        for _, room in self._rooms:
            ends.append(ends[-1] + room)
        cuts = [round(n_layers * end / max(1, total)) for end in ends]
        even = [end - start for start, end in pairwise(cuts)]
        return even if self._fits(even, set(range(self._facts.n_layer)), output=False) else counts

    def _fits(self, counts: Sequence[int], kept: set[int], *, output: bool) -> bool:
        """Whether each device has room for its run of layers, but for the experts of the layers `kept`."""
        layer = self._facts.n_layer - sum(counts)
        last = max((i for i, n in enumerate(counts) if n), default=None)
        for i, (n, (device, room)) in enumerate(zip(counts, self._rooms, strict=True)):
            weights, kv = _Weights(), 0
            for _ in range(n):
                weights += self._dense[layer]
                if layer not in kept:
                    weights += self._experts[layer]
                kv += self._kv[layer]
                layer += 1
            here = output and i == last
            if here:
                weights += self._output
            needed = device_bytes(
                self._facts,
                self._plan,
                weights=weights.total,
                largest=weights.largest,
                kv=kv,
                remote=device.endpoint is not None,
                output=here,
            )
            if n and needed > room:
                return False
        return True
