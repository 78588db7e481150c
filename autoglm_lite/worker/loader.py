"""One model brought into a worker: as planned, with less on devices that refuse it, and with none once one has died."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autoglm_lite.errors import AutoglmError, DeviceError, LoadError, NoRoomError, WorkerDiedError
from autoglm_lite.generation import LoadedModel
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker

ALONE = "this computer computes alone"


class Loader:
    """What a face loads its model with, again after each death of the worker."""

    def __init__(self, worker: Worker, plan: Plan, fallbacks: Sequence[Plan] = ()) -> None:
        """`fallbacks` are tried in turn when a device refuses the plan before; the last one needs none where this
        computer alone can hold the model."""
        self._worker = worker
        self._plans = [plan, *fallbacks]

    @property
    def plan(self) -> Plan:
        """What was loaded, or will be tried next."""
        return self._plans[0]

    async def load(self, on_progress: Callable[[float], None], on_notice: Callable[[str], None]) -> LoadedModel:
        """`on_notice` gets a sentence each time that less is put on devices than was planned.

        Raises LoadError, or WorkerDiedError.
        """
        if self._worker.lost_device and self.plan.devices:
            names = _names(self.plan)
            self._drop_devices()
            if not self.plan.devices:
                on_notice(f"{names} is not used any more: {ALONE}.")
        while True:
            plan = self.plan
            try:
                return await self._worker.load(plan, on_progress)
            except NoRoomError:
                raise
            except (LoadError, WorkerDiedError) as error:
                # Where every plan needs a device, one that cannot be reached now is tried again with the next question.
                only = isinstance(error, DeviceError) and bool(self._plans[-1].devices)
                if not plan.devices or len(self._plans) == 1 or only:
                    raise
                if isinstance(error, DeviceError):
                    self._drop_devices()
                else:
                    del self._plans[0]
                on_notice(_notice(plan, self.plan, error))

    def _drop_devices(self) -> None:
        """Goes on to the first plan without any, if there is one."""
        self._plans = [plan for plan in self._plans if not plan.devices] or self._plans


def _notice(refused: Plan, plan: Plan, error: AutoglmError) -> str:
    if isinstance(error, DeviceError):
        return f"{str(error).rstrip('.')}. This time {ALONE}."
    n_layers = sum(part.layers for part in plan.devices)
    then = f"{n_layers} are tried" if n_layers else ALONE
    return f"{_names(refused)} cannot take the {refused.gpu_layers} layers that were planned for it: {then}."


def _names(plan: Plan) -> str:
    return " and ".join(part.name for part in plan.devices)
