"""How fast a processor reads a prompt, by a cautious rule, and how many tokens at once that suits."""

from __future__ import annotations

from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.hardware.machine import Machine
from autoglm_lite.planning.plan import KvType

PREFILL_FLOPS = {"avx512": 60e9, "avx2": 30e9}
"""A core's operations per second in prefill, about half of the least seen: 131e9 with AVX-512 and VNNI, 56e9 on an
i7-8550U with AVX2. Other processors are not known well enough."""
UNKNOWN_FLOPS = 15e9
"""For the micro-batch alone, where a guess does no harm."""
STEP_SECONDS = 6.0
"""A step of prefill on a slow machine: how often it reports, each time reading all weights once more."""
LIKELY = 2.0
"""Of the cautious rule's speed: 1.6 to 3.4 times it was measured (docs/performance.md), half with a q8_0 KV cache. The
lower end, since micro-batches of 256 were read as fast as those of 512."""
UBATCHES = (512, 256, 128, 64)


def prefill_flops(machine: Machine) -> float | None:
    """Of a core; None for an unknown kind."""
    return max((flops for name, flops in PREFILL_FLOPS.items() if name in machine.features), default=None)


def tokens_per_second(facts: ModelFacts, machine: Machine, threads: int, flops: float) -> float:
    """With `flops` on each core in use."""
    used = facts.n_params * facts.token_bytes / facts.tensor_bytes
    return min(threads, machine.physical_cores) * flops / (2 * used)


def usual_ubatch(facts: ModelFacts, machine: Machine, threads: int, kv_type: KvType) -> int:
    """The micro-batch that a step of prefill on the processor will likely fill: buffers for more would be counted and
    never touched. llama.cpp's usual 512 where it is fast enough."""
    if not facts.token_bytes:
        return UBATCHES[0]
    likely = LIKELY * tokens_per_second(facts, machine, threads, prefill_flops(machine) or UNKNOWN_FLOPS)
    if kv_type == "q8_0":
        likely /= 2
    return next((size for size in UBATCHES if size <= likely * STEP_SECONDS), UBATCHES[-1])
