"""Every message survives the wire; nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite import errors
from autoglm_lite.generation import Finished, GenerateRequest, LoadedModel, Prefill, Sampling, Text
from autoglm_lite.hardware.devices import Device
from autoglm_lite.measurement import ChunkScores, Collected, InputsOf, LayersCompared, Scored, TokensRead
from autoglm_lite.planning.memory import Sizes
from autoglm_lite.planning.plan import DevicePart, Plan, Saving
from autoglm_lite.worker.protocol import (
    LENGTH,
    AskSizes,
    Cancel,
    CollectInputs,
    CompareLayers,
    Detokenize,
    Detokenized,
    Devices,
    Failed,
    Freed,
    Generate,
    ListDevices,
    Load,
    Loaded,
    LoadProgress,
    Message,
    PlanSizes,
    Score,
    ServeDevices,
    Serving,
    SetEffort,
    ShedContext,
    Tokenize,
    Tokens,
    decode,
    encode,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
samplings = st.builds(
    Sampling,
    *(finite, st.integers(), finite, finite, finite, st.integers(), st.none() | st.integers()),
    grammar=st.none() | st.text(),
    grammar_after=st.lists(st.text()).map(tuple),
    grammar_at_start=st.booleans(),
)
requests = st.builds(
    GenerateRequest,
    st.text(),
    st.booleans(),
    samplings,
    st.none() | st.integers(),
    st.lists(st.text()).map(tuple),
    written=st.lists(st.text()).map(tuple),
)
savings = st.none() | st.builds(Saving, st.integers(), st.integers())
parts = st.builds(DevicePart, st.text(), st.none() | st.text(), st.integers())
plans = st.builds(
    Plan,
    st.text(),
    *[st.integers()] * 3,
    devices=st.lists(parts).map(tuple),
    on_cpu=st.lists(st.text()).map(tuple),
    cpus=st.lists(st.integers()).map(tuple),
    saving=savings,
)
kinds = st.sampled_from(["gpu", "igpu", "rpc"])
devices = st.builds(Device, st.text(), st.text(), kinds, st.integers(), st.integers(), st.none() | st.text())
messages = st.one_of(
    st.builds(Load, plans),
    st.builds(AskSizes, plans),
    st.builds(PlanSizes, st.none() | st.builds(Sizes, *[st.integers()] * 3, st.dictionaries(st.text(), st.integers()))),
    st.builds(ListDevices, st.lists(st.text()).map(tuple)),
    st.builds(Devices, st.lists(devices).map(tuple)),
    st.builds(ServeDevices, st.text(), st.integers(), st.integers()),
    st.builds(Serving, st.lists(st.tuples(st.text(), st.integers())).map(tuple)),
    st.builds(CollectInputs, plans, st.text()),
    st.builds(Score, plans, st.text(), st.integers(), st.sampled_from(["none", "keep", "compare"]), st.text()),
    st.builds(CompareLayers, plans, st.text()),
    st.builds(TokensRead, st.integers(), st.integers()),
    st.builds(InputsOf, st.text(), st.integers(), st.text(), st.lists(st.integers())),
    st.builds(Collected, st.integers()),
    st.builds(ChunkScores, st.integers(), st.integers(), *[st.lists(finite)] * 3, st.lists(st.booleans())),
    st.builds(Scored, st.integers(), st.integers()),
    st.builds(LayersCompared, st.lists(finite)),
    st.builds(Tokenize, st.text(), st.booleans(), st.none() | st.booleans()),
    st.builds(Detokenize, st.lists(st.integers())),
    st.builds(Detokenized, st.text()),
    st.builds(Generate, requests),
    st.just(Cancel()),
    st.just(ShedContext()),
    st.builds(SetEffort, st.integers(), st.integers()),
    st.builds(Freed, st.integers()),
    st.builds(LoadProgress, finite),
    st.builds(Loaded, st.builds(LoadedModel, st.text(), *[st.integers()] * 5)),
    st.builds(Tokens, st.lists(st.integers())),
    st.builds(Failed, st.text(), st.text()),
    st.builds(Prefill, st.integers(), st.integers(), st.integers()),
    st.builds(Text, st.text(), st.integers()),
    st.builds(Finished, st.just("stop"), st.integers(), st.integers(), st.integers(), finite, finite),
)


@given(st.integers(0, 2**40), messages)
def test_what_is_encoded_is_decoded(request_id: int, message: Message) -> None:
    frame = encode(request_id, message)
    assert LENGTH.unpack(frame[: LENGTH.size]) == (len(frame) - LENGTH.size,)
    assert decode(frame[LENGTH.size :]) == (request_id, message)


@given(st.binary())
def test_other_bytes_are_no_message(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a message"):
        decode(body)


def test_errors_arrive_as_what_they_were() -> None:
    failed = Failed.of(errors.PromptTooLongError("too long"))
    assert isinstance(failed.error(), errors.PromptTooLongError)
    assert str(failed.error()) == "too long"


def test_an_unknown_kind_of_error_is_still_one_of_ours() -> None:
    assert type(Failed("SystemExit", "x").error()) is errors.AutoglmError
