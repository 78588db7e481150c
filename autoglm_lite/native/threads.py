"""Threads that compute on chosen processors only: ggml's thread pools."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import Any

from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.libraries import library

MAX_CPUS = 512
"""GGML_MAX_N_THREADS, and the length of a mask."""


class _Params(ctypes.Structure):
    """struct ggml_threadpool_params of ggml.h, in llama-cpp-python 0.3.36."""

    _fields_ = (
        ("cpumask", ctypes.c_bool * MAX_CPUS),
        ("n_threads", ctypes.c_int),
        ("prio", ctypes.c_int),
        ("poll", ctypes.c_uint32),
        ("strict_cpu", ctypes.c_bool),
        ("paused", ctypes.c_bool),
    )


class ThreadPool:
    """`n_threads` threads on the processors `cpus`, of which the thread that decodes is the first.

    With a processor for each thread, each keeps its own: between two nodes of a graph all wait for the last, and the
    kernel takes milliseconds to part two that share a core. With fewer threads they move freely among `cpus`.
    """

    def __init__(self, cpus: Sequence[int], n_threads: int) -> None:
        """Raises OSError where llama.cpp's libraries have no thread pools to be found."""
        self._cpu: Any = library("ggml-cpu")
        self._cpu.ggml_threadpool_new.restype = ctypes.c_void_p
        self._cpu.ggml_threadpool_new.argtypes = (ctypes.POINTER(_Params),)
        self._cpu.ggml_threadpool_free.argtypes = (ctypes.c_void_p,)
        self._llama = bindings()._lib
        self._llama.llama_attach_threadpool.argtypes = (ctypes.c_void_p,) * 3
        self._llama.llama_detach_threadpool.argtypes = (ctypes.c_void_p,)
        # ggml leaves the thread that decodes where it put it, and what that one starts later would begin there.
        self._before = os.sched_getaffinity(0)
        params = _Params(n_threads=n_threads, prio=0, poll=50, strict_cpu=n_threads == len(cpus), paused=False)
        for cpu in cpus:
            params.cpumask[cpu] = True
        self._handle: int | None = self._cpu.ggml_threadpool_new(ctypes.byref(params))

    def attach(self, context: Any) -> None:
        """From now on the `llama_context` computes on these threads; to be called on the thread that decodes."""
        self._llama.llama_attach_threadpool(context, self._handle, self._handle)

    def close(self, context: Any) -> None:
        """Gives the threads up, before `context` is freed, and the thread that calls its processors back."""
        if self._handle is not None:
            self._llama.llama_detach_threadpool(context)
            self._cpu.ggml_threadpool_free(self._handle)
            self._handle = None
            os.sched_setaffinity(0, self._before)


def pin(context: Any, cpus: Sequence[int], n_threads: int) -> ThreadPool | None:
    """A pool attached to `context`; None where threads cannot be pinned: no processors named, another system than
    Linux, or a build whose processor code is loaded later."""
    usable = [cpu for cpu in cpus if cpu < MAX_CPUS]
    if len(usable) < n_threads or not hasattr(os, "sched_setaffinity"):
        return None
    try:
        pool = ThreadPool(usable, n_threads)
    except (OSError, AttributeError):
        return None
    pool.attach(context)
    return pool
