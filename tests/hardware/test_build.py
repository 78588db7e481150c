"""What a llama.cpp was built for, from its file alone."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.hardware.build import Build, missing_instructions, read_build
from autoglm_lite.hardware.elf import read_functions
from autoglm_lite.hardware.processor import read_processor
from tests.hardware.state import NO, YES, library, llama_cpp
from tests.hardware.trees import write

LIBRARY = library({"ggml_cpu_has_avx": YES, "ggml_cpu_has_avx2": NO, "other": YES})


def test_a_build_for_an_older_processor(tmp_path: Path) -> None:
    llama_cpp(tmp_path, "sse3", "ssse3", "avx", backends=("vulkan",))
    assert read_build(tmp_path) == Build(frozenset({"pni", "ssse3", "avx"}), frozenset({"vulkan"}))


def test_compilers_that_mark_where_a_call_may_land(tmp_path: Path) -> None:
    functions = {
        "ggml_cpu_has_avx": bytes.fromhex("f30f1efa") + YES,
        "ggml_cpu_has_dotprod": bytes.fromhex("5f2403d520008052c0035fd6"),
        "ggml_cpu_has_sve": bytes.fromhex("5f2403d500008052c0035fd6"),
        "ggml_cpu_has_neon": bytes.fromhex("20008052c0035fd6"),
    }
    (tmp_path / "libggml-cpu.so").write_bytes(library(functions))
    build = read_build(tmp_path)
    assert build is not None
    assert build.features == frozenset({"avx", "asimddp", "asimd"})


@pytest.mark.parametrize(("linux", "certain"), [("6.1.0-13-amd64", True), ("5.4.0-90-generic", False), (None, False)])
def test_a_word_that_an_old_kernel_may_not_know(tmp_path: Path, linux: str | None, certain: bool) -> None:
    """A build from a laptop of 2022, on one of 2017, both with AVX2."""
    llama_cpp(tmp_path / "lib", "sse3", "ssse3", "avx", "avx2", "avx_vnni")
    build = read_build(tmp_path / "lib")
    write(tmp_path, "proc/cpuinfo", "flags\t: fpu pni ssse3 avx avx2")
    if linux:
        write(tmp_path, "proc/sys/kernel/osrelease", linux)
    assert build is not None
    assert missing_instructions(build, read_processor(tmp_path)) == ({"avx_vnni"} if certain else set())


def test_no_llama_cpp(tmp_path: Path) -> None:
    assert read_build(tmp_path) is None
    assert read_build(tmp_path / "missing") is None


def test_libraries_of_another_system_do_not_tell(tmp_path: Path) -> None:
    (tmp_path / "libggml-cpu.dylib").write_bytes(b"\xcf\xfa\xed\xfe" + bytes(100))
    (tmp_path / "libggml-metal.dylib").touch()
    assert read_build(tmp_path) == Build(None, frozenset({"metal"}))


def test_the_installed_build_suits_this_processor() -> None:
    found = importlib.util.find_spec("llama_cpp")
    assert found is not None
    assert found.submodule_search_locations is not None
    build = read_build(Path(found.submodule_search_locations[0]) / "lib")
    assert build is not None
    processor = read_processor(Path("/"))
    if build.features is not None and processor.words:
        assert build.features
        assert build.features <= processor.words


@given(at=st.integers(0, len(LIBRARY) - 1), junk=st.binary(min_size=1, max_size=12))
def test_a_damaged_library_is_read_without_harm(at: int, junk: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.so"
        path.write_bytes(LIBRARY)
        assert set(read_functions(path, "ggml_")) == {"ggml_cpu_has_avx", "ggml_cpu_has_avx2"}
        path.write_bytes(LIBRARY[:at] + junk + LIBRARY[at + len(junk) :])
        assert all(len(code) <= 16 for code in read_functions(path, "ggml_").values())
        path.write_bytes(LIBRARY[:at])
        assert read_functions(path, "ggml_") == {}
