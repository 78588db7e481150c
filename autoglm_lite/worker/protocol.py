"""What client and child say to each other: one JSON object a frame, its length before it in four bytes.

Requests carry an id that their replies repeat. A Generate is answered by events and ends with Failed or the Finished of
its last choice; several may be under way. Embed and Rerank are answered by results, the last of which has nothing left.
A measurement, which loads the model of its own plan, is answered by
LoadProgress and its results, ServeDevices by Serving and then never unless it fails; every other request is answered
once, Load after any number of LoadProgress.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from typing import Any

from autoglm_lite import errors
from autoglm_lite.embedding import Embedded, Reranked
from autoglm_lite.errors import AutoglmError
from autoglm_lite.generation import (
    Finished,
    GenerateRequest,
    LoadedModel,
    Prefill,
    Sampling,
    Text,
    TokenLogprob,
    Waiting,
)
from autoglm_lite.hardware.devices import Device
from autoglm_lite.measurement import BaseUse, ChunkScores, Collected, InputsOf, LayersCompared, Scored, TokensRead
from autoglm_lite.planning.memory import Sizes
from autoglm_lite.planning.plan import DevicePart, Plan, Saving

LENGTH = struct.Struct("<I")
MAX_FRAME = 64 * 1024 * 1024
"""Bytes; a longer frame means that the stream is damaged."""


@dataclass(frozen=True, slots=True)
class Load:
    plan: Plan
    states: str = ""
    """The folder in which what the model has read is kept; empty for none."""


@dataclass(frozen=True, slots=True)
class AskSizes:
    """What llama.cpp would take for a plan, without loading it; answered by PlanSizes."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class ListDevices:
    """`rpc`: HOST:PORT of servers to be asked as well."""

    rpc: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServeDevices:
    """Answered once it is about to serve, and by Failed when it cannot; the child does nothing else from then on."""

    host: str
    """IPv4 address."""
    port: int
    threads: int


@dataclass(frozen=True, slots=True)
class Tokenize:
    """Answered by Tokens; the arguments are those of Worker.tokenize."""

    text: str
    templated: bool
    add_special: bool | None = None


@dataclass(frozen=True, slots=True)
class Detokenize:
    """Answered by Detokenized."""

    ids: list[int]


@dataclass(frozen=True, slots=True)
class Generate:
    request: GenerateRequest


@dataclass(frozen=True, slots=True)
class Embed:
    """Answered by Embedded, in as many parts as there are batches."""

    texts: list[str]


@dataclass(frozen=True, slots=True)
class Rerank:
    """Answered by Reranked likewise."""

    query: str
    documents: list[str]


@dataclass(frozen=True, slots=True)
class CollectInputs:
    """Sums for an importance matrix; answered by InputsOf and Collected."""

    plan: Plan
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """Answered by ChunkScores and Scored; the arguments are those of Scorer.score."""

    plan: Plan
    text: str
    first_chunk: int
    base: BaseUse
    folder: str


@dataclass(frozen=True, slots=True)
class CompareLayers:
    """Answered by LayersCompared."""

    plan: Plan
    text: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Ends the request of CANCELLABLE with the same id; has no reply of its own."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Answered at once by Pong, whatever is being computed."""


@dataclass(frozen=True, slots=True)
class ShedContext:
    """Frees the context until the next Generate; answered by Freed."""


@dataclass(frozen=True, slots=True)
class SetEffort:
    """From the next step on, also of a running answer: at most so many threads, and what is added to the niceness
    given (0 to 19); has no reply."""

    threads: int
    nice: int


@dataclass(frozen=True, slots=True)
class LoadProgress:
    share: float


@dataclass(frozen=True, slots=True)
class Loaded:
    model: LoadedModel


@dataclass(frozen=True, slots=True)
class PlanSizes:
    """None where llama.cpp cannot be asked on this system."""

    sizes: Sizes | None


@dataclass(frozen=True, slots=True)
class Devices:
    devices: tuple[Device, ...]


@dataclass(frozen=True, slots=True)
class Serving:
    """What other computers are offered: descriptions and bytes of free memory."""

    devices: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Tokens:
    ids: list[int]


@dataclass(frozen=True, slots=True)
class Detokenized:
    text: str


@dataclass(frozen=True, slots=True)
class Freed:
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Pong:
    pass


@dataclass(frozen=True, slots=True)
class Failed:
    """The request failed; `kind` is the name of a class in errors.py."""

    kind: str
    text: str

    @classmethod
    def of(cls, error: AutoglmError) -> Failed:
        return cls(type(error).__name__, str(error))

    def error(self) -> AutoglmError:
        kind = getattr(errors, self.kind, None)
        if isinstance(kind, type) and issubclass(kind, AutoglmError):
            return kind(self.text)
        return AutoglmError(self.text)


Measurement = CollectInputs | Score | CompareLayers
Measured = TokensRead | InputsOf | Collected | ChunkScores | Scored | LayersCompared
Questions = AskSizes | ListDevices | ServeDevices | Tokenize | Detokenize
Request = Load | Questions | Generate | Embed | Rerank | Measurement | Cancel | Ping | ShedContext | SetEffort
Answers = PlanSizes | Devices | Serving | Tokens | Detokenized | Freed | Pong | Failed
Reply = LoadProgress | Loaded | Answers | Waiting | Prefill | Text | Finished | Embedded | Reranked | Measured
Message = Request | Reply

CANCELLABLE = (Generate, Embed, Rerank, CollectInputs, Score, CompareLayers)
LAST_REPLIES = (Loaded, PlanSizes, Devices, Tokens, Detokenized, Freed, Pong, Failed, Collected, Scored, LayersCompared)

_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        *(Load, AskSizes, ListDevices, ServeDevices, Tokenize, Generate, CollectInputs, Score, CompareLayers),
        *(Detokenize, Detokenized, Embed, Rerank, Cancel, Ping, Pong, ShedContext, SetEffort),
        *(LoadProgress, Loaded, PlanSizes, Devices, Serving, Tokens, Freed, Failed, Waiting, Prefill, Text, Finished),
        *(Embedded, Reranked, TokensRead, InputsOf, Collected, ChunkScores, Scored, LayersCompared),
    )
}


def is_last(reply: Reply) -> bool:
    """Whether nothing more comes for its request."""
    if isinstance(reply, Finished | Embedded | Reranked):
        return reply.n_left == 0
    return isinstance(reply, LAST_REPLIES)


def encode(request_id: int, message: Message) -> bytes:
    """A whole frame."""
    fields = [request_id, type(message).__name__, asdict(message)]
    body = json.dumps(fields, ensure_ascii=True, default=bytes.hex).encode()
    return LENGTH.pack(len(body)) + body


def decode(body: bytes) -> tuple[int, Message]:
    """The id and the message of a frame's body; raises ValueError for anything that `encode` did not write."""
    try:
        request_id, name, fields = json.loads(body)
        kind = _KINDS[name]
        if "plan" in fields:
            fields["plan"] = _plan(**fields["plan"])
        if kind is Loaded:
            return request_id, Loaded(LoadedModel(**fields["model"]))
        if kind is PlanSizes:
            return request_id, PlanSizes(None if fields["sizes"] is None else Sizes(**fields["sizes"]))
        if kind is Devices:
            return request_id, Devices(tuple(Device(**device) for device in fields["devices"]))
        if kind is Serving:
            return request_id, Serving(tuple((name, free) for name, free in fields["devices"]))
        if kind is ListDevices:
            return request_id, ListDevices(tuple(fields["rpc"]))
        if kind is Generate:
            return request_id, Generate(_request(**fields["request"]))
        if kind is Text:
            return request_id, _text(**fields)
        return request_id, kind(**fields)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a message of this protocol: {body[:80]!r}") from error


def _plan(
    devices: list[dict[str, Any]], on_cpu: list[str], cpus: list[int], saving: dict[str, int] | None, **rest: Any
) -> Plan:
    return Plan(
        devices=tuple(DevicePart(**part) for part in devices),
        on_cpu=tuple(on_cpu),
        cpus=tuple(cpus),
        saving=None if saving is None else Saving(**saving),
        **rest,
    )


def _request(sampling: dict[str, Any], stop: list[str], written: list[str], **rest: Any) -> GenerateRequest:
    sampling["logit_bias"] = tuple((token, bias) for token, bias in sampling["logit_bias"])
    sampling["grammar_after"] = tuple(sampling["grammar_after"])
    return GenerateRequest(sampling=Sampling(**sampling), stop=tuple(stop), written=tuple(written), **rest)


def _text(logprobs: list[dict[str, Any]], **rest: Any) -> Text:
    return Text(logprobs=tuple(_logprob(**one) for one in logprobs), **rest)


def _logprob(piece: str, top: list[tuple[int, str, float]], **rest: Any) -> TokenLogprob:
    likeliest = tuple((token, bytes.fromhex(text), logprob) for token, text, logprob in top)
    return TokenLogprob(piece=bytes.fromhex(piece), top=likeliest, **rest)
