"""The nodes of a graph while llama.cpp computes it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from autoglm_lite.native.bindings import bindings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

F32, I32 = 0, 26
"""Of enum ggml_type."""
MAX_OPERATIONS = 256


class _Tensor(ctypes.Structure):
    """struct ggml_tensor of ggml.h, in llama-cpp-python 0.3.36."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("ne", ctypes.c_int64 * 4),
        ("nb", ctypes.c_size_t * 4),
        ("op", ctypes.c_int),
        ("op_params", ctypes.c_int32 * 16),
        ("flags", ctypes.c_int32),
        ("src", ctypes.c_void_p * 10),
        ("view_src", ctypes.c_void_p),
        ("view_offs", ctypes.c_size_t),
        ("data", ctypes.c_void_p),
        ("name", ctypes.c_char * 64),
        ("extra", ctypes.c_void_p),
        ("padding", ctypes.c_char * 8),
    )


TENSOR_DATA = _Tensor.data.offset
"""Where a tensor's address of its values stands in it, in bytes."""


class Node:
    """One tensor of the graph; valid inside the callback that brought it, and not after."""

    __slots__ = ("_tensor", "address")

    def __init__(self, address: int) -> None:
        self.address = address
        """Of the ggml_tensor: tells nodes of one graph apart."""
        self._tensor = _Tensor.from_address(address)

    @property
    def operation(self) -> str:
        """Such as `MUL_MAT`."""
        return _operations().get(self._tensor.op, "")

    @property
    def name(self) -> str:
        """Without what a scheduler over several devices writes around it: `CUDA0#NAME#0`."""
        name = bytes(self._tensor.name).decode("utf-8", "replace")
        return name.split("#")[1] if "#" in name else name

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Values in each dimension, the fastest-running last as in NumPy (ggml counts the other way)."""
        ne = self._tensor.ne
        return ne[3], ne[2], ne[1], ne[0]

    @property
    def is_f32(self) -> bool:
        return bool(self._tensor.type == F32)

    def source(self, i: int) -> Node | None:
        """What the operation reads: of a multiplication, the weight is 0 and the input 1."""
        address = self._tensor.src[i]
        return None if address is None else Node(address)

    def values(self) -> npt.NDArray[np.float32]:
        """The F32 values in `shape`; a view into llama.cpp's memory, or a copy where that is on a graphics card."""
        import numpy as np

        return self._array(F32, np.dtype(np.float32))

    def ids(self) -> npt.NDArray[np.int32]:
        """As `values`, of a node of I32."""
        import numpy as np

        return self._array(I32, np.dtype(np.int32))

    def _array(self, type_: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        import numpy as np

        tensor = self._tensor
        if tensor.type != type_:
            raise ValueError(f"{self.name} is of ggml type {tensor.type}, not {type_}")
        ggml = _ggml()
        n_bytes = ggml.ggml_nbytes(self.address)
        memory: Any
        if ggml.ggml_backend_buffer_is_host(tensor.buffer):
            memory = (ctypes.c_char * n_bytes).from_address(tensor.data)
        else:
            memory = ctypes.create_string_buffer(n_bytes)
            ggml.ggml_backend_tensor_get(self.address, memory, 0, n_bytes)
        values: npt.NDArray[Any] = np.ndarray(self.shape, dtype, memory, strides=tuple(tensor.nb[::-1]))
        return values


class Observer(Protocol):
    """Looks at nodes as they are computed; what it raises ends the decode that called it."""

    def wants(self, node: Node) -> bool:
        """Asked for each node before it is computed, so it should be quick: it may look at all but values."""

    def see(self, node: Node) -> None:
        """A node that it wants, computed."""


class EvalCallback:
    """An Observer as llama.cpp calls it."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._failure: BaseException | None = None
        self.function: Callable[..., Any] = bindings().ggml_backend_sched_eval_callback(self._call)

    def raise_failure(self) -> None:
        """Raises what the observer did during the last decode, if anything."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _call(self, address: int, ask: bool, _user_data: object) -> bool:
        # An exception cannot pass through C: it is kept, and llama.cpp told to skip the rest.
        if self._failure is not None:
            return False
        try:
            node = Node(address)
            if ask:
                return self._observer.wants(node)
            self._observer.see(node)
        except BaseException as error:
            self._failure = error
            return False
        return True


@cache
def _operations() -> dict[int, str]:
    """By their numbers, which differ between versions of ggml."""
    name_of = _ggml().ggml_op_name
    names: dict[int, str] = {}
    for number in range(MAX_OPERATIONS):
        name = name_of(number).decode()
        names[number] = name
        if name == "GLU":
            # The last of enum ggml_op: what lies behind it is not ours to read.
            break
    return names


@cache
def _ggml() -> Any:
    """The functions of ggml-base that llama-cpp-python does not bind, through the library that is linked to it."""
    library = bindings()._lib
    for name, result, arguments in (
        ("ggml_nbytes", ctypes.c_size_t, [ctypes.c_void_p]),
        ("ggml_op_name", ctypes.c_char_p, [ctypes.c_int]),
        ("ggml_backend_buffer_is_host", ctypes.c_bool, [ctypes.c_void_p]),
        ("ggml_backend_tensor_get", None, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
