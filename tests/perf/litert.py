"""LiteRT's C library through ctypes: one signature run with a profiler, which its Python classes lack.

The declarations follow the public headers litert/c/*.h of ai-edge-litert 2.3; Linux only.
"""

from __future__ import annotations

import ctypes
import dataclasses
import importlib.metadata
import importlib.util
import time
from ctypes import POINTER, byref, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from pathlib import Path
from types import TracebackType
from typing import Self

from export.quiet import native_stderr_to_log

VERSION = "2.3."  # the layout of _Event is that of this version
NODE, INSIDE_DELEGATE = 1 << 1, 1 << 3
_CPU, _WRITE = 1, 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One operator of one run. `kind`: NODE, one of the file's own, or INSIDE_DELEGATE, one of XNNPACK's.

    `index`: the node's, or the operator's in its delegate. `subgraph`: of a node. Time in whole microseconds.
    """

    tag: str
    kind: int
    index: int
    subgraph: int
    elapsed_us: int


class _Event(ctypes.Structure):
    _fields_ = (
        ("tag", c_char_p),
        ("kind", c_int),
        ("start_us", c_uint64),
        ("elapsed_us", c_uint64),
        ("memory", c_int64 * 6),
        ("index", c_uint64),
        ("subgraph", c_uint64),
        ("source", c_int),
    )


class ProfiledModel:
    """One signature of one file, compiled for XNNPACK, with inputs of ones. `profiling`: it times itself."""

    def __init__(self, path: Path, *, signature: str | None, threads: int, profiling: bool = True) -> None:
        version = importlib.metadata.version("ai-edge-litert")
        if not version.startswith(VERSION):
            raise SystemExit(
                f"ai-edge-litert is {version}, and the profiler's events are read as {VERSION}x has them"
            )
        spec = importlib.util.find_spec("ai_edge_litert")
        assert spec is not None
        assert spec.submodule_search_locations is not None
        self._library = ctypes.CDLL(str(Path(spec.submodule_search_locations[0]) / "libLiteRt.so"))
        self._environment, self._model, self._compiled = c_void_p(), c_void_p(), c_void_p()
        self._profiler = c_void_p()
        with native_stderr_to_log():
            self._compile(path, threads, profiling)
        self._signature, handle = self._find(signature)
        self._inputs = self._buffers("Input", handle)
        self._outputs = self._buffers("Output", handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with native_stderr_to_log():
            for buffer in (*self._inputs, *self._outputs):
                self._library.LiteRtDestroyTensorBuffer(c_void_p(buffer))
            self._library.LiteRtDestroyCompiledModel(self._compiled)
            self._library.LiteRtDestroyModel(self._model)
            self._library.LiteRtDestroyEnvironment(self._environment)

    def run(self) -> float:
        """Run once; seconds."""
        begin = time.perf_counter()
        self._call(
            "RunCompiledModel",
            self._compiled,
            c_size_t(self._signature),
            c_size_t(len(self._inputs)),
            self._inputs,
            c_size_t(len(self._outputs)),
            self._outputs,
        )
        return time.perf_counter() - begin

    def profile(self) -> tuple[Event, ...]:
        """Run once; what it was made of, in order."""
        self._call("ResetProfiler", self._profiler)
        self._call("StartProfiler", self._profiler)
        self.run()
        self._call("StopProfiler", self._profiler)
        count = c_int()
        self._call("GetNumProfilerEvents", self._profiler, byref(count))
        raw = (_Event * count.value)()
        self._call("GetProfilerEvents", self._profiler, count, raw)
        return tuple(
            Event(
                tag=event.tag.decode(),
                kind=event.kind,
                index=event.index,
                subgraph=event.subgraph,
                elapsed_us=event.elapsed_us,
            )
            for event in raw
            if event.kind in (NODE, INSIDE_DELEGATE)
        )

    def _compile(self, path: Path, threads: int, profiling: bool) -> None:
        options = c_void_p()
        self._call("CreateEnvironment", 0, None, byref(self._environment))
        self._call("CreateModelFromFile", self._environment, str(path).encode(), byref(self._model))
        self._call("CreateOptions", byref(options))
        self._call("SetOptionsHardwareAccelerators", options, _CPU)
        self._add_options(options, "xnnpack", f"num_threads = {threads}\n")
        if profiling:
            self._add_options(options, "runtime_options_string", "enable_profiling = true\n")
        self._call("CreateCompiledModel", self._environment, self._model, options, byref(self._compiled))
        self._call("CompiledModelGetProfiler", self._compiled, byref(self._profiler))
        self._library.LiteRtDestroyOptions(options)

    def _add_options(self, options: c_void_p, name: str, text: str) -> None:
        process = ctypes.CDLL(None)
        process.strdup.restype = c_void_p
        opaque = c_void_p()
        payload = c_void_p(process.strdup(text.encode()))  # LiteRT frees it
        free = ctypes.cast(process.free, c_void_p)
        self._call("CreateOpaqueOptions", name.encode(), payload, free, byref(opaque))
        self._call("AddOpaqueOptions", options, opaque)

    def _find(self, wanted: str | None) -> tuple[int, c_void_p]:
        count, names = c_size_t(), []
        self._call("GetNumModelSignatures", self._model, byref(count))
        for index in range(count.value):
            handle, key = c_void_p(), c_char_p()
            self._call("GetModelSignature", self._model, c_size_t(index), byref(handle))
            self._call("GetSignatureKey", handle, byref(key))
            assert key.value is not None
            names.append(key.value.decode())
            if wanted is None or names[-1] == wanted:
                return index, handle
        raise SystemExit(f"no signature {wanted}; there are {', '.join(names)}")

    def _buffers(self, side: str, signature: c_void_p) -> ctypes.Array[c_void_p]:
        count, made = c_size_t(), []
        self._call(f"GetNumSignature{side}s", signature, byref(count))
        for index in map(c_size_t, range(count.value)):
            needs, tensor, buffer, size = c_void_p(), c_void_p(), c_void_p(), c_size_t()
            ranked = ctypes.create_string_buffer(72)  # LiteRtRankedTensorType
            at = c_size_t(self._signature)
            self._call(f"GetCompiledModel{side}BufferRequirements", self._compiled, at, index, byref(needs))
            self._call(f"GetSignature{side}TensorByIndex", signature, index, byref(tensor))
            self._call("GetRankedTensorType", tensor, ranked)
            self._call(
                "CreateManagedTensorBufferFromRequirements", self._environment, ranked, needs, byref(buffer)
            )
            if side == "Input":
                memory = c_void_p()
                self._call("GetTensorBufferSize", buffer, byref(size))
                self._call("LockTensorBuffer", buffer, byref(memory), _WRITE)
                ones = ctypes.cast(memory, POINTER(c_int32))
                for element in range(size.value // 4):
                    ones[element] = 1
                self._call("UnlockTensorBuffer", buffer)
            made.append(buffer)
        return (c_void_p * len(made))(*made)

    def _call(self, name: str, *arguments: object) -> None:
        status = getattr(self._library, f"LiteRt{name}")(*arguments)
        if status != 0:
            raise RuntimeError(f"LiteRt{name}: status {status}")
