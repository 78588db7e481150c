"""What can go wrong, each as one sentence for the person in front of the screen."""


class AutoglmError(Exception):
    """A failure whose text says what is wrong and what to do; the command line prints it and exits with `exit_code`."""

    exit_code = 1


class UsageError(AutoglmError):
    """The command line or a request asks for something that makes no sense."""

    exit_code = 2


class ModelFileError(AutoglmError):
    """A model file is missing, unreadable, damaged or of a kind we cannot run."""


class StoreError(AutoglmError):
    """A file among the stored models cannot be put there, changed or removed."""


class WillNotFitError(AutoglmError):
    """The plan says that loading would exhaust this machine's memory."""


class LoadError(AutoglmError):
    """llama.cpp refused a model that passed our own checks."""


class DeviceError(LoadError):
    """A device that a plan counts on cannot be used, or is not there."""


class NoRoomError(LoadError):
    """Memory is too short now for what was given back to be had again."""


class PromptTooLongError(AutoglmError):
    """The prompt leaves no room for an answer in the context.

    `n_tokens` and `n_ctx` say how many tokens it has and how many the context, where both are known.
    """

    def __init__(self, sentence: str, n_tokens: int | None = None, n_ctx: int | None = None) -> None:
        super().__init__(sentence)
        self.n_tokens, self.n_ctx = n_tokens, n_ctx


class UnknownModelError(AutoglmError):
    """A request names a model that is not among the stored ones."""


class TemplateError(AutoglmError):
    """The model's chat template failed, or took too long, or wrote too much."""


class BusyError(AutoglmError):
    """So many requests wait already that another one is refused."""


class WorkerDiedError(AutoglmError):
    """The worker process ended while it was needed."""


class ConversionError(AutoglmError):
    """A checkpoint cannot be converted."""


class HistoryError(AutoglmError):
    """A conversation on disk cannot be found, read or written."""


class ProfileError(AutoglmError):
    """A profile, or the list of models, cannot be read or has a mistake."""
