"""Which layers go to which device, on recorded devices: a small card, two, one within the processor, none."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autoglm_lite.gguf import ModelFacts
from autoglm_lite.hardware.devices import Device
from autoglm_lite.planning.forecast import forecast
from autoglm_lite.planning.make import Choice, Wishes, choose, decide, fallbacks, notices
from autoglm_lite.planning.memory import predict
from autoglm_lite.planning.offload import room_on
from autoglm_lite.planning.placement import KEEP_OUTPUT, layers_of, place
from autoglm_lite.planning.plan import DevicePart, Plan
from autoglm_lite.planning.prefill import UBATCHES
from tests.planning.models import EXPERTS, GB, MB, QWEN_TENSORS, card, computer, machine

PLENTY = machine(8 * GB)


def on(*devices: Device, wishes: Wishes | None = None, facts: ModelFacts = QWEN_TENSORS) -> Choice:
    return choose(facts, replace(PLENTY, devices=devices), wishes or Wishes())


def counts(plan: Plan) -> dict[str, int]:
    return {part.name: part.layers for part in plan.devices}


def test_a_card_of_2_gb_takes_the_whole_model() -> None:
    choice = on(card(1.8 * GB))
    assert (choice.plan.gpu_layers, counts(choice.plan), choice.plan.on_cpu) == (29, {"CUDA0": 28}, ())
    # The embedding is looked up here and multiplied by there.
    embedding = QWEN_TENSORS.tensors[1].n_bytes
    assert choice.predicted.mapped == embedding
    assert (choice.predicted.kv, choice.predicted.repacked) == (0, 0)
    assert choice.predicted.devices["CUDA0"] > QWEN_TENSORS.tensor_bytes


def test_a_smaller_card_takes_the_last_layers_and_not_the_output() -> None:
    whole, part = on(), on(card(0.7 * GB))
    n = part.plan.gpu_layers
    assert 0 < n < 28
    assert part.plan.on_cpu == (KEEP_OUTPUT,)
    assert place(QWEN_TENSORS, part.plan).layers == (None,) * (28 - n) + (0,) * n
    assert part.predicted.devices["CUDA0"] <= room_on(card(0.7 * GB), None)
    for name in ("mapped", "repacked", "kv"):
        assert 0 < getattr(part.predicted, name) < getattr(whole.predicted, name)
    assert part.predicted.compute > whole.predicted.compute


def test_the_output_layer_comes_after_all_others() -> None:
    all_layers = on(card(4 * GB), wishes=Wishes(gpu_layers=28)).plan
    assert (all_layers.gpu_layers, all_layers.on_cpu) == (28, (KEEP_OUTPUT,))
    needed = on(card(4 * GB), wishes=Wishes(gpu_layers=28)).predicted.devices["CUDA0"]
    assert on(card(4 * GB), wishes=Wishes(vram=needed)).plan == all_layers
    assert on(card(4 * GB), wishes=Wishes(vram=needed - 1)).plan.gpu_layers == 27


def test_two_cards_share_by_their_free_memory() -> None:
    plan = on(card(1 * GB), card(2 * GB, "CUDA1")).plan
    assert plan.gpu_layers == 29
    one, other = counts(plan).values()
    assert other == pytest.approx(2 * one, abs=2)
    # Where not all fits, each is as full as it can be.
    small = on(card(0.5 * GB), card(0.7 * GB, "CUDA1"))
    assert all(n > 0 for n in counts(small.plan).values())
    assert small.plan.gpu_layers > on(card(0.7 * GB)).plan.gpu_layers


def test_another_computer_is_left_alone_where_the_cards_suffice() -> None:
    here = replace(PLENTY, devices=(computer(4 * GB), card(1.8 * GB)))
    choice = decide(QWEN_TENSORS, here)
    plan = choice.plan
    assert counts(plan) == {"CUDA0": 28}
    assert notices(QWEN_TENSORS, here, Wishes(), choice) == (
        "10.0.0.2:50052 takes no part: Qwen2.5 1.5B fits without it.",
    )
    # Each takes its share where they do not.
    both = on(computer(4 * GB), card(0.9 * GB)).plan
    assert both.gpu_layers == 29
    assert [part.name for part in both.devices] == ["10.0.0.2:50052", "CUDA0"]


def test_another_computer_without_room_is_told() -> None:
    full = replace(PLENTY, devices=(computer(0.15 * GB),))
    (notice,) = notices(QWEN_TENSORS, full, Wishes(), decide(QWEN_TENSORS, full))
    assert notice == "10.0.0.2:50052 takes no part: not one layer fits into its memory."


def test_a_card_that_is_full_is_left_alone() -> None:
    assert on(card(100 * MB)).plan == on().plan
    assert counts(on(card(100 * MB), card(1.8 * GB, "CUDA1")).plan) == {"CUDA1": 28}


def test_graphics_within_the_processor_only_when_asked() -> None:
    within = card(4 * GB, "Vulkan0", "igpu")
    assert on(within).plan == on().plan
    assert counts(on(within, wishes=Wishes(gpu_layers=9)).plan) == {"Vulkan0": 9}
    # What they take is this computer's own memory.
    short = replace(machine(1.3 * GB), devices=(within,))
    asked = choose(QWEN_TENSORS, short, Wishes(gpu_layers=9))
    assert asked.available == short.memory_available - asked.predicted.devices["Vulkan0"]
    # Not beside a card.
    both = on(within, card(1.8 * GB), wishes=Wishes(gpu_layers=9)).plan
    assert counts(both) == {"CUDA0": 9}


def test_fewer_layers_when_fewer_are_asked_for() -> None:
    assert on(card(4 * GB), wishes=Wishes(gpu_layers=0)).plan == on().plan
    assert counts(on(card(4 * GB), wishes=Wishes(gpu_layers=5)).plan) == {"CUDA0": 5}


def test_another_computer_also_needs_room_to_receive_and_to_compute() -> None:
    wishes = Wishes(vram=GB // 2)
    here, there = on(card(4 * GB), wishes=wishes), on(computer(4 * GB), wishes=wishes)
    assert there.plan.gpu_layers == here.plan.gpu_layers
    (mine,), (theirs,) = here.predicted.devices.values(), there.predicted.devices.values()
    assert 4 * MB < theirs - mine < 30 * MB
    # The output matrix is received in one piece, which takes more than keys, values and buffers of a short context.
    short = Wishes(ctx=256, vram=2 * GB)
    card_bytes = on(card(4 * GB), wishes=short).predicted.devices["CUDA0"]
    computer_bytes = on(computer(4 * GB), wishes=short).predicted.devices["10.0.0.2:50052"]
    weights = QWEN_TENSORS.tensor_bytes
    assert card_bytes - weights < QWEN_TENSORS.tensors[1].n_bytes
    assert computer_bytes == weights + QWEN_TENSORS.tensors[1].n_bytes


def test_a_longer_context_leaves_room_for_fewer_layers() -> None:
    device = card(0.9 * GB)
    by_ctx = [on(device, wishes=Wishes(ctx=ctx)).plan.gpu_layers for ctx in (1024, 8192, 32768)]
    assert by_ctx == sorted(by_ctx, reverse=True)
    assert by_ctx[0] > by_ctx[-1] > 0


def test_experts_stay_here_before_other_weights_do() -> None:
    small = on(card(0.5 * GB), facts=EXPERTS)
    assert counts(small.plan) == {"CUDA0": 12}
    assert (small.plan.gpu_layers, len(small.plan.on_cpu)) == (12, 2)
    there = {tensor.name for tensor in place(EXPERTS, small.plan).there[0]}
    experts = {name for name in there if "_exps." in name}
    # Those of the last layers fit as well; none of a layer by halves.
    assert experts
    assert len(experts) % 3 == 0
    assert {f"blk.{i}.attn_q.weight" for i in range(12)} <= there
    assert not any(name.startswith("output") for name in there)
    assert on(card(0.3 * GB), facts=EXPERTS).plan.gpu_layers == 12
    whole = on(card(4 * GB), facts=EXPERTS).plan
    assert (whole.gpu_layers, whole.on_cpu) == (13, ())


def test_a_model_of_which_only_sums_are_known_stays_here() -> None:
    assert on(card(4 * GB), facts=replace(QWEN_TENSORS, tensors=())).plan.devices == ()


def test_a_model_that_is_too_large_for_this_memory_fits_with_a_card() -> None:
    tight = machine(0.5 * GB)
    assert choose(QWEN_TENSORS, tight).verdict == "wont-fit"
    assert choose(QWEN_TENSORS, replace(tight, devices=(card(1.8 * GB),))).fits


def test_what_is_tried_when_devices_refuse() -> None:
    here = replace(PLENTY, devices=(card(1.8 * GB), card(1.8 * GB, "Vulkan0", "igpu")))
    choice = decide(QWEN_TENSORS, here)
    plan = choice.plan
    half, none = fallbacks(QWEN_TENSORS, here, Wishes(), plan)
    assert counts(half) == {"CUDA0": 14}
    assert none == decide(QWEN_TENSORS, PLENTY).plan
    assert fallbacks(QWEN_TENSORS, here, Wishes(), none) == ()
    # Where this computer's own memory is short, only what it can do.
    short = replace(here, memory_available=GB // 2)
    assert fallbacks(QWEN_TENSORS, short, Wishes(), decide(QWEN_TENSORS, short).plan) == ()


@pytest.mark.parametrize(
    ("devices", "wishes", "words"),
    [
        ((), Wishes(), "No layers on a graphics card: llama.cpp as it is installed here knows none."),
        ((card(GB),), Wishes(gpu_layers=0), "No layers on a graphics card: as you asked."),
        ((card(100 * MB),), Wishes(), "No layers on a graphics card: not one fits into the 0 MB of CUDA0"),
        ((card(GB, "Vulkan0", "igpu"),), Wishes(), "No layers on a graphics card: the one within the processor shares"),
        ((card(1.8 * GB),), Wishes(), "28 layers of 28 on CUDA0: the whole model fits, 1.2 GB of 1.6 GB"),
        ((card(0.7 * GB),), Wishes(), "14 layers of 28 on CUDA0: as many as fit"),
        ((card(0.7 * GB),), Wishes(), "The output layer stays with the processor"),
        ((card(4 * GB),), Wishes(gpu_layers=3), "3 layers of 28 on CUDA0: as you asked"),
        ((computer(4 * GB),), Wishes(vram=600 * MB), "15 layers of 28 on 10.0.0.2:50052: as many as fit"),
    ],
)
def test_the_reason_in_words(devices: tuple[Device, ...], wishes: Wishes, words: str) -> None:
    reasons = forecast(QWEN_TENSORS, replace(PLENTY, devices=devices), wishes).reasons
    assert any(reason.startswith(words) for reason in reasons), reasons


frees = st.integers(0, 3 * GB)
some_devices = st.lists(frees, min_size=1, max_size=3).map(
    lambda sizes: tuple(
        computer(free, f"10.0.0.{i}:50052") if i % 2 else card(free, f"CUDA{i}") for i, free in enumerate(sizes)
    )
)
some_wishes = st.builds(
    Wishes,
    ctx=st.sampled_from([512, 4096, 16384]),
    gpu_layers=st.none() | st.integers(0, 40),
    vram=st.none() | st.integers(1, 3 * GB),
)


@given(some_devices, some_wishes, st.sampled_from([QWEN_TENSORS, EXPERTS]))
def test_no_device_is_given_more_than_it_has(devices: tuple[Device, ...], wishes: Wishes, facts: ModelFacts) -> None:
    choice = on(*devices, wishes=wishes, facts=facts)
    rooms = {device.name: room_on(device, wishes.vram) for device in devices}
    assert all(n_bytes <= rooms[name] for name, n_bytes in choice.predicted.devices.items())
    assert set(choice.predicted.devices) == set(counts(choice.plan))
    n_layers = sum(counts(choice.plan).values())
    assert choice.plan.gpu_layers in (n_layers, n_layers + 1)
    assert choice.plan.gpu_layers <= (wishes.gpu_layers if wishes.gpu_layers is not None else facts.n_layer + 1)
    placement = place(facts, choice.plan)
    everything = sum(tensor.n_bytes for part in (placement.here, *placement.there) for tensor in part)
    assert everything >= facts.tensor_bytes
    assert choice.predicted.mapped <= facts.tensor_bytes


@given(frees, st.sampled_from([512, 4096, 16384]), st.booleans())
@example(197_230_592, 512, False)
def test_one_device_is_given_all_that_fits(free: int, n_ctx: int, remote: bool) -> None:
    device = computer(free) if remote else card(free)
    choice = on(device, wishes=Wishes(ctx=n_ctx))
    plan, n = choice.plan, sum(counts(choice.plan).values())
    if not plan.devices:
        # What was tried for it reads with the large micro-batch.
        plan = replace(plan, n_ubatch=UBATCHES[0])
    if plan.gpu_layers < 29:
        more = DevicePart(device.name, device.endpoint, min(n + 1, 28))
        on_cpu = () if n == 28 else (KEEP_OUTPUT,)
        larger = predict(QWEN_TENSORS, PLENTY.features, replace(plan, devices=(more,), on_cpu=on_cpu))
        assert larger.devices[device.name] > room_on(device, None)


@given(some_devices, some_wishes, frees)
def test_more_memory_never_gives_fewer_layers(devices: tuple[Device, ...], wishes: Wishes, more: int) -> None:
    first, *rest = devices
    larger = replace(first, memory_free=first.memory_free + more)
    assert on(larger, *rest, wishes=wishes).plan.gpu_layers >= on(*devices, wishes=wishes).plan.gpu_layers


@given(st.integers(1, 64), st.lists(st.integers(1, 24), min_size=1, max_size=4))
def test_layers_are_where_the_loader_puts_them(n_layer: int, shares: list[int]) -> None:
    """The rule of get_layer_buft_list in llama-model.cpp, in single precision as there."""
    while sum(shares) > n_layer:
        shares = shares[:-1] or [n_layer]
    parts = [DevicePart(f"CUDA{i}", None, n) for i, n in enumerate(shares)]
    n_gpu_layers = sum(shares) + 1
    splits = np.array(list(accumulate([*shares[:-1], shares[-1] + 1])), dtype=np.float32)
    splits /= splits[-1]
    first = n_layer + 1 - n_gpu_layers
    expected: list[int | None] = []
    for layer in range(n_layer + 1):
        place_of = np.float32(layer - first) / np.float32(n_gpu_layers)
        expected.append(None if layer < first else int(np.searchsorted(splits, place_of, side="right")))
    assert layers_of(n_layer, parts) == tuple(expected[:-1])
    assert expected[-1] == len(parts) - 1
