"""One loaded model that writes answers, and never reads the same prefix twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from autoglm_lite.engine.loading import in_words, open_context, open_model
from autoglm_lite.engine.prefixes import MOST_SECONDS, Prefixes, model_key
from autoglm_lite.engine.scheduler import Pace, Reply, Scheduler
from autoglm_lite.engine.sequences import Sequences
from autoglm_lite.errors import LoadError
from autoglm_lite.generation import REASONING_CLOSE, REASONING_OPEN, GenerateRequest, LoadedModel
from autoglm_lite.hardware.process import own_anonymous_bytes
from autoglm_lite.hardware.room import read_room
from autoglm_lite.heap import return_freed_memory
from autoglm_lite.native.computing import AbortFlag
from autoglm_lite.native.rpc import notice_silence
from autoglm_lite.native.vocabulary import text_of
from autoglm_lite.planning.plan import N_IDLE, Plan, n_rows, same_model
from autoglm_lite.states.folder import StateFolder

TOO_LITTLE = "There is too little memory now to go on with the conversation: close other programs and ask again."


class Engine:
    """Not thread-safe, but for `cancel` and `use_threads`."""

    def __init__(
        self, plan: Plan, on_progress: Callable[[float], None] | None = None, states: Path | None = None
    ) -> None:
        """Loads the model; raises LoadError. `states`: the folder in which what was read is kept."""
        self._states = states
        self._file = _identity(plan.model_path)
        self._model = open_model(plan, on_progress)
        self._plan = plan
        self._abort = AbortFlag()
        self._pace = Pace()
        self._cache: Sequences | None = None
        self._scheduler: Scheduler | None = None
        """Both None once the context was shed, until the next answer."""
        try:
            self._open_context()
        except BaseException:
            # Its memory here and on devices is wanted for the next try.
            self._model.close()
            raise
        notice_silence({part.endpoint for part in plan.devices if part.endpoint})
        for tag in (REASONING_OPEN, REASONING_CLOSE):
            self._model.write_control(tag)

    def change(self, plan: Plan) -> bool:
        """Goes on with `plan` where the loaded weights will do, with an empty cache; False where they will not.

        Raises LoadError, after which only `close` is of use.
        """
        if not same_model(plan, self._plan) or _identity(plan.model_path) != self._file:
            return False
        self._close_context()
        self._plan, self._pace = plan, Pace()
        self._open_context()
        return True

    def _open_context(self) -> None:
        self._most_threads = max(self._plan.threads, self._plan.threads_batch)
        self._prefixes: Prefixes | None = None
        if self._states is not None:
            with suppress(OSError):
                self._prefixes = Prefixes(StateFolder(self._states, model_key(self._plan)))
        before = own_anonymous_bytes()
        self._schedule()
        self._context_bytes = max(0, own_anonymous_bytes() - before)

    def _schedule(self) -> None:
        context = open_context(self._model, self._plan, n_outputs=n_rows(self._plan), abort=self._abort, n_idle=N_IDLE)
        self._n_ctx = context.n_ctx
        self._cache = Sequences(context, self._prefixes, lambda: self._pace.prefill)
        self._scheduler = Scheduler(self._model, self._plan, self._cache, self._abort, self._pace)

    def _close_context(self) -> None:
        self._scheduler = None
        if self._cache is not None:
            self._cache.context.close()
            self._cache = None

    @property
    def loaded(self) -> LoadedModel:
        return in_words(self._model, self._n_ctx, self._context_bytes)

    @property
    def busy(self) -> bool:
        """Whether there are steps to be made."""
        return self._scheduler is not None and self._scheduler.busy

    def submit(self, request_id: int, request: GenerateRequest) -> None:
        """See Scheduler.submit. Raises LoadError as well, when the context was shed and there is too little memory to
        make it again."""
        if self._scheduler is None:
            room = read_room()
            if room is not None and self._context_bytes > room.left:
                raise LoadError(TOO_LITTLE)
            try:
                self._schedule()
            except LoadError as error:
                raise LoadError(TOO_LITTLE) from error
        assert self._scheduler is not None
        self._scheduler.submit(request_id, request)

    def cancel(self, request_id: int) -> None:
        """See Scheduler.cancel; may be called from another thread."""
        scheduler = self._scheduler
        if scheduler is not None:
            scheduler.cancel(request_id)

    def step(self) -> Iterator[Reply]:
        """See Scheduler.step."""
        if self._scheduler is not None and self._cache is not None:
            plan, most = self._plan, self._most_threads
            self._cache.context.use_threads(min(most, plan.threads), min(most, plan.threads_batch))
            yield from self._scheduler.step()

    def close(self) -> None:
        self._close_context()
        self._model.close()
        return_freed_memory()

    def shed_context(self) -> int:
        """Gives the KV cache and the compute buffers of an idle model back to the system until the next answer; returns
        how many bytes that were."""
        before = own_anonymous_bytes()
        if self._cache is not None:
            self.keep_prefixes()
            self._close_context()
            return_freed_memory()
        return max(0, before - own_anonymous_bytes())

    def keep_prefixes(self, most_seconds: float = MOST_SECONDS, go_on: Callable[[], bool] = lambda: True) -> bool:
        """Keeps what was read on disk where that pays and takes `most_seconds` for each conversation, as long as
        `go_on` says so; to be called between answers. Whether there was such."""
        return self._cache is not None and self._cache.keep(most_seconds, go_on)

    def use_threads(self, most: int) -> None:
        """No more than these from the next step on, also of a running answer; may be called from another thread."""
        self._most_threads = most

    def tokenize(self, text: str, *, templated: bool, add_special: bool | None = None) -> list[int]:
        """Token ids as a prompt would have them; `add_special` as of Worker.tokenize."""
        add_special = not templated if add_special is None else add_special
        return self._model.tokenize(text, add_special=add_special, parse_special=templated)

    def detokenize(self, ids: Sequence[int]) -> str:
        """As of Worker."""
        return text_of(self._model, ids)


def _identity(path: str) -> tuple[int, ...]:
    """Another one when the file was replaced or written to; empty where there is none."""
    try:
        status = Path(path).stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
