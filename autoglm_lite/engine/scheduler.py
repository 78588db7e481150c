"""Several answers at the same time from one model: who is next, and what is computed together.

Each step is one micro-batch: the next token of every answer that is being written, and a chunk of a prompt that is
being read. Where those differ from what each answer alone would have computed is rounding: see docs/engine.md.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import perf_counter

from autoglm_lite.engine.answer import Answer
from autoglm_lite.engine.batch import FIRST_CHUNK, share_out
from autoglm_lite.engine.sequences import Held, Sequences
from autoglm_lite.engine.speculation import Gate
from autoglm_lite.errors import AutoglmError, BusyError, LoadError, PromptTooLongError, UsageError
from autoglm_lite.generation import Event, GenerateRequest, Waiting
from autoglm_lite.native.computing import Aborted, AbortFlag
from autoglm_lite.native.context import CacheFull, Part
from autoglm_lite.native.model import Model
from autoglm_lite.planning.plan import Plan
from autoglm_lite.states.folder import common_prefix

MOST_WAITING = 8
"""Requests; one more is refused, so that its sender can go elsewhere instead of waiting for minutes."""
MOST_CHOICES = 16
ROOM = 256
"""Tokens that an answer should find room for before it is begun beside others."""
WORTH_WAITING = 32
"""Tokens: a prompt that has as many in common with one that is being read waits for them instead of reading them."""

Reply = tuple[int, Event | AutoglmError]
"""To which request; an error is the last of it."""


@dataclass(slots=True)
class Pace:
    """What was learnt of a loaded model's speed on this machine."""

    prefill: float = 0.0
    """Tokens per second, of the last chunk; 0 before the first."""
    gate: Gate = field(default_factory=Gate)
    """Whether guessing pays."""


class Scheduler:
    """The answers of one context. Not thread-safe, but for `cancel`."""

    def __init__(self, model: Model, plan: Plan, cache: Sequences, abort: AbortFlag, pace: Pace) -> None:
        self._model = model
        self._plan = plan
        self._cache = cache
        self._abort = abort
        self._pace = pace
        self._waiting: list[Answer] = []
        self._running: list[Answer] = []
        """In the order in which they began."""
        self._turn = 0
        """Of the readers, who comes first in the next step."""
        self._told: dict[int, int] = {}
        """By request, how many it was told that it waits for."""
        self._crowded = False
        """Whether one was set aside, so that nobody is begun until one of the others has ended."""
        self._lost_a_step = False
        """Whether the last step was given up for one of several: the next one is not, so that the others get on."""
        self._lock = threading.Lock()
        self._cancelled: set[int] = set()
        self._abortable: frozenset[int] = frozenset()
        """Requests for whose sake the running step may be given up."""

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._running)

    def submit(self, request_id: int, request: GenerateRequest) -> None:
        """Has the request answered by the steps to come, under an id that no other one has.

        Raises PromptTooLongError, BusyError, or UsageError for a prompt without a token and whatever makes no sense.
        """
        answers: list[Answer] = []
        try:
            prompt = self._prompt(request)
            for choice in range(request.n):
                answer = Answer(request_id, choice, request, prompt, self._model, self._cache.context.n_ctx)
                answers.append(answer)
        except AutoglmError:
            for answer in answers:
                answer.close()
            raise
        self._waiting += answers

    def cancel(self, request_id: int) -> None:
        """Ends a request's answers and gives up the step that is being computed for them, or lets it end where that
        would cost others more. May be called from another thread."""
        with self._lock:
            self._cancelled.add(request_id)
            if request_id in self._abortable:
                self._abort.set()

    def step(self) -> Iterator[Reply]:
        """Computes one micro-batch; to be iterated to its end."""
        yield from self._end_cancelled()
        yield from self._admit()
        answers, parts = self._next_batch()
        parts = self._drafted(parts)
        if not parts:
            return
        if not self._cache.make_room(sum(len(part.tokens) for part in parts), quick=True):
            yield from self._give_way()
            return
        started = perf_counter()
        try:
            if not self._compute(answers, parts):
                return
        except CacheFull:
            # Layers with a window have places of their own, which are not counted here.
            if not self._cache.evict(quick=True):
                yield from self._give_way()
            return
        except LoadError as error:
            yield from self._fail(answers, error)
            return
        yield from self._go_on(answers, parts, started)

    def _prompt(self, request: GenerateRequest) -> list[int]:
        n_ctx = self._cache.context.n_ctx
        prompt = self._model.tokenize(
            request.prompt, add_special=not request.templated, parse_special=request.templated
        )
        if not prompt:
            raise UsageError("The prompt is empty: type something to answer.")
        if len(prompt) >= n_ctx:
            raise PromptTooLongError(
                f"The prompt is {len(prompt):,} tokens long, but the context holds {n_ctx:,}"
                " with the answer: shorten the prompt or use a larger --ctx."
            )
        if not 1 <= request.n <= MOST_CHOICES:
            raise UsageError(f"{request.n} answers were asked for at once: between 1 and {MOST_CHOICES} can be.")
        n_waiting = len({answer.request_id for answer in self._waiting})
        if n_waiting - (self._plan.n_parallel - len(self._running)) >= MOST_WAITING:
            raise BusyError(f"{MOST_WAITING} others wait for an answer already: ask again in a minute.")
        return prompt

    def _end_cancelled(self) -> Iterator[Reply]:
        with self._lock:
            cancelled = self._cancelled & {answer.request_id for answer in (*self._waiting, *self._running)}
            self._cancelled -= cancelled
        for answer in (*self._running, *self._waiting):
            if answer.request_id in cancelled:
                answer.end("cancelled")
                yield from self._settle(answer)

    def _admit(self) -> Iterator[Reply]:
        for answer in self._waiting[:]:
            full = self._crowded or len(self._running) >= self._plan.n_parallel
            if (full and self._running) or not self._fits(answer):
                break
            if self._is_being_read(answer):
                continue
            held = self._cache.begin(answer.tokens[:-1], quick=bool(self._running))
            answer.begin(held)
            self._waiting.remove(answer)
            self._running.append(answer)
            yield from self._tell(answer)
        for i, request_id in enumerate(dict.fromkeys(answer.request_id for answer in self._waiting), 1):
            if self._told.get(request_id) != i and not any(a.request_id == request_id for a in self._running):
                self._told[request_id] = i
                yield request_id, Waiting(i)

    def _fits(self, answer: Answer) -> bool:
        """Beside those that are running, all with some room to go on."""
        if not self._running:
            return True
        n_ctx = self._cache.context.n_ctx
        n_read = sum(other.n_left for other in self._running)
        n_new = len(answer.tokens)
        if self._cache.context.can_be_cut:
            n_new -= max(common_prefix(other.tokens, answer.tokens) for other in self._running)
        room = min(ROOM, n_ctx // 16) * (len(self._running) + 1)
        return self._cache.n_in_use() + n_read + n_new + room <= n_ctx

    def _is_being_read(self, answer: Answer) -> bool:
        """Whether another one is just now reading a long beginning of its prompt."""
        if not self._cache.context.can_be_cut or not any(other.reading for other in self._running):
            return False
        wanted = answer.tokens[:-1]
        n_held = self._cache.longest(wanted)[1]
        return any(common_prefix(other.tokens, wanted) - n_held >= WORTH_WAITING for other in self._running)

    def _next_batch(self) -> tuple[list[Answer], list[Part]]:
        writers = [answer for answer in self._running if not answer.reading]
        readers = [answer for answer in self._running if answer.reading]
        if readers:
            self._turn = (self._turn + 1) % len(readers)
            readers = readers[self._turn :] + readers[: self._turn]
        written, read = share_out(
            [answer.n_left for answer in writers],
            [answer.n_left for answer in readers],
            self._pace.prefill,
            self._cache.context.n_ubatch,
        )
        answers, parts = [], []
        for answer, n in zip(writers + readers, written + read, strict=True):
            if n and answer.held is not None:
                done = len(answer.held.tokens)
                answers.append(answer)
                parts.append(Part(answer.held.id, answer.tokens[done : done + n], done, int(n == answer.n_left)))
        return answers, parts

    def _drafted(self, parts: list[Part]) -> list[Part]:
        """The same with a guess at what comes next, for an answer that is written alone, where guessing pays."""
        context = self._cache.context
        if len(self._running) > 1 or not context.can_be_cut or [len(part.tokens) for part in parts] != [1]:
            return parts
        most = min(self._pace.gate.width(), context.n_outputs - 1, context.n_ubatch - 1)
        drafted = self._running[0].draft(most) if most else []
        (part,) = parts
        return [Part(part.sequence, [*part.tokens, *drafted], part.position, 1 + len(drafted))]

    def _compute(self, answers: list[Answer], parts: list[Part]) -> bool:
        """Whether it was computed, and not given up for a cancelled answer. Raises LoadError and CacheFull."""
        context = self._cache.context
        requests = {answer.request_id for answer in answers}
        with self._lock:
            self._abort.clear()
            if requests & self._cancelled:
                return False
            # What others had in the step must be computed again: a second at most, but all they have read where a cache
            # cannot be cut.
            alone = len(requests) == 1
            may_be = alone or (context.can_be_cut and not self._lost_a_step)
            self._abortable = frozenset(requests if may_be and self._cache.moving is None else ())
        try:
            context.decode_parts(parts)
            if any(answer.reading for answer in answers):
                context.wait()
        except Aborted:
            for answer in answers:
                self._cache.undo(_held(answer))
            self._lost_a_step = not alone
            return False
        finally:
            with self._lock:
                self._abortable = frozenset()
        self._lost_a_step, self._cache.moving = False, None
        return True

    def _go_on(self, answers: list[Answer], parts: list[Part], started: float) -> Iterator[Reply]:
        """What the answers do with what was computed, in a step that began at `started`."""
        n_tokens = sum(len(part.tokens) for part in parts)
        # A few tokens take nearly as long as many, so they say little.
        if any(answer.reading for answer in answers) and (n_tokens >= FIRST_CHUNK or not self._pace.prefill):
            self._pace.prefill = n_tokens / (perf_counter() - started)
        row = 0
        for answer, part in zip(answers, parts, strict=True):
            row += len(part.tokens)
            if answer not in self._running:
                # Another choice of its request has failed.
                continue
            held, writing = _held(answer), not answer.reading
            self._cache.extend(held, part.tokens)
            yield from self._tell(answer)
            if not part.n_outputs:
                continue
            answer.computed()
            drafted = part.tokens[len(part.tokens) - part.n_outputs + 1 :]
            if answer.reason is None:
                try:
                    n_accepted = answer.sample(self._cache.context, row - part.n_outputs, drafted)
                except AutoglmError as error:
                    yield from self._fail([answer], error)
                    continue
                if writing and len(answers) == 1 and len(part.tokens) == part.n_outputs:
                    self._pace.gate.took(n_tokens, perf_counter() - started)
                    self._pace.gate.verified(len(drafted), n_accepted)
                # The drafted tokens were computed whether the answer goes on with them or not.
                self._cache.take_back(held, len(held.tokens) - len(drafted) + n_accepted)
            yield from self._settle(answer)

    def _tell(self, answer: Answer) -> Iterator[Reply]:
        progress = answer.progress(self._pace.prefill)
        if progress is not None and answer.choice == 0:
            yield answer.request_id, progress

    def _settle(self, answer: Answer) -> Iterator[Reply]:
        """Sends what an answer has written, and its end if it has ended."""
        text = answer.text()
        if text is not None:
            yield answer.request_id, text
        if answer.reason is not None:
            self._remove(answer)
            others = [other for other in (*self._waiting, *self._running) if other.request_id == answer.request_id]
            yield answer.request_id, answer.finished(len(others))

    def _give_way(self) -> Iterator[Reply]:
        """There is no room for the next step: the answer that began last is set aside until others have ended; one
        that is alone has reached its end."""
        answer = self._running[-1]
        if len(self._running) == 1:
            answer.end("context")
            yield from self._settle(answer)
            return
        self._remove(answer)
        self._crowded = True
        answer.set_aside()
        self._waiting.insert(0, answer)

    def _fail(self, answers: Iterable[Answer], error: AutoglmError) -> Iterator[Reply]:
        under_way = (*self._waiting, *self._running)
        failed = {answer.request_id for answer in answers} & {answer.request_id for answer in under_way}
        for answer in under_way:
            if answer.request_id in failed:
                if answer.held is not None:
                    self._cache.cut(answer.held, 0)
                self._remove(answer)
                answer.close()
        for request_id in failed:
            yield request_id, error

    def _remove(self, answer: Answer) -> None:
        self._crowded = False
        if answer in self._running:
            self._running.remove(answer)
            self._cache.rest(_held(answer))
        else:
            self._waiting.remove(answer)
        self._told.pop(answer.request_id, None)


def _held(answer: Answer) -> Held:
    assert answer.held is not None
    return answer.held
