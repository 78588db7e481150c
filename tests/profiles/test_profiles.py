"""Profiles: which one is chosen on recorded machines, what it prefers there, and every mistake with its line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.errors import ProfileError, UsageError
from autoglm_lite.hardware import Machine, read_machine
from autoglm_lite.hardware.devices import Device, DeviceKind
from autoglm_lite.planning.make import Wishes, choose
from autoglm_lite.planning.plan import Saving
from autoglm_lite.profiles.files import named_profile, own_path, own_profile, profile_names, read_profiles
from autoglm_lite.profiles.profile import chosen, read_profile
from tests.hardware.trees import GIB, Cpu, celeron, hybrid, laptop, memory, phone_board, processors, write
from tests.planning.models import QWEN_1_5B

NAMES = [
    *("battery-saver", "laptop-4gb", "laptop-8gb", "no-avx2", "phone-agent", "raspberry-pi", "small-gpu"),
]


def pi(root: Path) -> Path:
    """A Raspberry Pi 4 with 4 GB."""
    processors(root, [Cpu(i, max_khz=1800000) for i in range(4)])
    cores = "\n\n".join(f"processor\t: {i}\nFeatures\t: fp asimd evtstrm crc32 cpuid" for i in range(4))
    write(root, "proc/cpuinfo", f"{cores}\n\nRevision\t: c03114\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n")
    memory(root, 4 * GIB, 3 * GIB)
    return root


def card(memory: int, kind: DeviceKind = "gpu") -> Device:
    return Device("CUDA0", "A card", kind, memory, memory)


def netbook(root: Path) -> Path:
    """One core with AVX2 and 3.7 GB."""
    processors(root, [Cpu(0)], "sse4_2 avx avx2")
    memory(root, int(3.7 * GIB), 2 * GIB)
    return root


@pytest.mark.parametrize(
    ("tree", "name"),
    [
        (celeron, "no-avx2"),
        (netbook, "laptop-4gb"),
        (laptop, "laptop-8gb"),
        (hybrid, None),
        (phone_board, "laptop-4gb"),
        (pi, "raspberry-pi"),
    ],
)
def test_the_profile_for_a_machine(tree: Callable[[Path], Path], name: str | None, tmp_path: Path) -> None:
    found = chosen(read_profiles(), read_machine(tree(tmp_path)))
    assert (found and found.name) == name


def test_a_small_graphics_card_comes_before_the_memory(tmp_path: Path) -> None:
    here = read_machine(laptop(tmp_path))

    def name(*devices: Device) -> str | None:
        found = chosen(read_profiles(), replace(here, devices=devices))
        return found.name if found else None

    assert name(card(2 * GIB)) == "small-gpu"
    assert name(card(8 * GIB)) == name(card(2 * GIB), card(8 * GIB)) == "laptop-8gb"
    # Another computer, and graphics that share the processor's memory, are no card.
    assert name(card(2 * GIB, "rpc")) == name(card(2 * GIB, "igpu")) == "laptop-8gb"


def test_what_comes_with_the_program_is_sound(tmp_path: Path) -> None:
    assert profile_names() == NAMES
    here = read_machine(laptop(tmp_path))
    for profile in read_profiles():
        assert profile.about.endswith(".")
        layer = profile.layer("profile", f"profile {profile.name}", QWEN_1_5B, here)
        assert choose(QWEN_1_5B, here, Wishes(layers=(layer,))).fits
        assert layer.values.saving is not None


def test_threads_by_the_machine(tmp_path: Path) -> None:
    here = read_machine(laptop(tmp_path))
    layer = named_profile("battery-saver").layer("profile", "", QWEN_1_5B, here)
    assert (layer.values.threads, layer.values.threads_batch) == (2, 2)
    assert layer.values.saving == Saving(threads=1, nice=10)
    one = replace(here, physical_cores=1)
    assert named_profile("battery-saver").layer("profile", "", QWEN_1_5B, one).values.threads == 1
    # Two threads of a tiny model wait for each other.
    tiny = replace(QWEN_1_5B, tensor_bytes=10**6)
    assert named_profile("battery-saver").layer("profile", "", tiny, here).values.threads is None


FULL = """\
# All that there is.
about = "Everything."
ctx = 2048
kv_type = "q8_0"
threads = "physical"
n_ubatch = 256
repack = false
flash_attention = true

[match]
rank = 3
memory_least = "1GiB"
memory_most = "4.5GB"
cores_least = 2
cores_most = 4
features = ["avx", "avx2"]
without = ["avx512"]
architecture = "x86"
processor = "Celeron"
device_memory_least = 1000
device_memory_most = "2GB"

[saving]
threads = 2
nice = 19
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


def test_everything_can_be_said(file: Path) -> None:
    file.write_text(FULL)
    found = named_profile(str(file))
    assert (found.name, found.about, found.ctx, found.kv_type) == ("mine", "Everything.", 2048, "q8_0")
    assert (found.threads, found.n_ubatch, found.repack, found.flash_attention) == ("physical", 256, False, True)
    assert found.saving == (2, 19)
    match = found.match
    assert match is not None
    assert (match.memory_least, match.memory_most) == (GIB, 4_500_000_000)
    features = frozenset({"avx", "avx2"})
    here = Machine(2, 4, 2 * GIB, GIB, features=features, architecture="x86", processor="A Celeron 1")
    assert match.fits(replace(here, devices=(card(1500),)))
    for other, cards in (
        (replace(here, memory_total=GIB - 1), [1500]),
        (replace(here, memory_total=5 * GIB), [1500]),
        (replace(here, physical_cores=1), [1500]),
        (replace(here, physical_cores=5), [1500]),
        (replace(here, features=frozenset({"avx"})), [1500]),
        (replace(here, features=frozenset({"avx", "avx2", "avx512"})), [1500]),
        (replace(here, architecture="arm"), [1500]),
        (replace(here, processor="Core"), [1500]),
        (here, []),
        (here, [999]),
        (here, [3 * GIB]),
    ):
        assert not match.fits(replace(other, devices=tuple(map(card, cards))))


def test_an_empty_file_prefers_nothing(file: Path) -> None:
    file.write_text("")
    found = read_profile(file)
    assert (found.ctx, found.threads, found.saving, found.match) == (None, None, None, None)


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("ctx = 2048", "ctx = 0", 3, "ctx must be a whole number from 1 to 16,777,216."),
        ("ctx = 2048", "ctx = 2048.5", 3, "ctx must be a whole number"),
        ("ctx = 2048", "ctx = true", 3, "ctx must be a whole number"),
        ("ctx = 2048", 'ctx = "2048"', 3, "ctx must be a whole number"),
        ("ctx = 2048", "cxt = 2048", 3, "cxt is not known here; perhaps ctx is meant."),
        ("ctx = 2048", "zzz = 1", 3, "zzz is not known here; use one of about, ctx, kv_type"),
        ("ctx = 2048", "ctx 2048", 3, "this is not TOML"),
        ("ctx = 2048", "about = 3", 3, "this is not TOML (cannot overwrite a value)"),
        ("about = ", "about = 7 #", 2, 'about must be a text in quotes, such as about = "text".'),
        ('"q8_0"', '"q8-0"', 4, "kv_type cannot be 'q8-0'; perhaps q8_0 is meant."),
        ('"q8_0"', "8", 4, 'kv_type must be a text in quotes, such as kv_type = "f16".'),
        ('"physical"', '"all"', 5, "threads cannot be 'all'"),
        ('"physical"', "0", 5, "threads must be a whole number from 1 to 512."),
        ('"physical"', "[1]", 5, "threads must be a whole number"),
        ("repack = false", 'repack = "off"', 7, "repack must be true or false, without quotes."),
        ("flash_attention = true", "flash_attention = 1", 8, "flash_attention must be true or false"),
        ("[match]", "[mtach]", 10, "mtach is not known here; perhaps match is meant."),
        ("rank = 3", "rank = 101", 11, "rank must be a whole number from 0 to 100."),
        ('"1GiB"', '"1 GiX"', 12, "memory_least: '1 GiX' is no size: write it like 3.5GB"),
        ('"1GiB"', "1.5", 12, 'memory_least must be a size in quotes, such as memory_least = "4GB".'),
        ('"1GiB"', '"5GB"', 12, "memory_least is more than memory_most, so no machine matches."),
        ("cores_least = 2", "cores_least = 8", 14, "cores_least is more than cores_most"),
        ("cores_most = 4", 'cores_most = "4"', 15, "cores_most must be a whole number"),
        ('["avx", "avx2"]', '[\n  "avx",\n  "axv2",\n]', 16, "features cannot hold 'axv2'; perhaps avx2 is meant."),
        ('["avx", "avx2"]', '"avx2"', 16, 'features must be a list of texts, such as features = ["sse4.2"].'),
        ('["avx512"]', "[512]", 17, "without must be a list of texts"),
        ('"x86"', '"x64"', 18, "architecture cannot be 'x64'; perhaps x86 is meant."),
        ('"Celeron"', '""', 19, "processor must be a text in quotes"),
        ('"2GB"', "-1", 21, "device_memory_most must be a size"),
        ("[saving]", "[[saving]]", 23, "saving must be a table: write [saving] on a line of its own."),
        ("threads = 2", "", 23, "saving needs threads, such as threads = 1."),
        ("threads = 2", 'threads = "few"', 24, "threads cannot be 'few'; use one of physical, half."),
        ("nice = 19", "nice = 20", 25, "nice must be a whole number from 0 to 19."),
        ("nice = 19", "nicer = 19", 25, "nicer is not known here; perhaps nice is meant."),
    ],
)
def test_a_mistake_is_told_with_its_line(file: Path, old: str, new: str, line: int, sentence: str) -> None:
    assert FULL.count(old) == 1
    file.write_text(FULL.replace(old, new))
    with pytest.raises(ProfileError) as caught:
        read_profile(file)
    assert f"{caught.value}".startswith(f"{file}, line {line}: {sentence}")


def test_a_file_that_is_no_text(file: Path) -> None:
    file.write_bytes(b'about = "a"\nctx = \xff\n')
    with pytest.raises(ProfileError, match=r"mine.toml, line 2: this is no text in UTF-8"):
        read_profile(file)
    file.write_bytes(b"# " + b"x" * (1 << 18))
    with pytest.raises(ProfileError, match="is larger than 128 KiB"):
        read_profile(file)
    file.write_text('about = "never closed\n')
    with pytest.raises(ProfileError, match="line 1: this is not TOML"):
        read_profile(file)
    file.write_text("a = " + "[" * 5000)
    with pytest.raises(ProfileError, match="this is not TOML"):
        read_profile(file)
    with pytest.raises(ProfileError, match="cannot be read: Is a directory"):
        read_profile(file.parent)


def test_chinese_text_and_line_ends_of_windows(file: Path) -> None:
    file.write_bytes('about = "旧笔记本"\r\n\r\nthreads = "许多"\r\n'.encode())
    with pytest.raises(ProfileError, match="line 3: threads cannot be '许多'"):
        read_profile(file)
    file.write_bytes('about = "旧笔记本"\r\nctx = 1024\r\n'.encode())
    assert (read_profile(file).about, read_profile(file).ctx) == ("旧笔记本", 1024)


def test_names_and_paths() -> None:
    assert named_profile("laptop-4gb").name == "laptop-4gb"
    for name in ("models", "../profiles/laptop-4gb", "", "no\0ne"):
        with pytest.raises(UsageError, match="There is no profile called"):
            named_profile(name)
    with pytest.raises(UsageError, match="no path can have"):
        named_profile("a\0.toml")
    with pytest.raises(ProfileError, match="There is no file"):
        named_profile("nowhere/laptop.toml")


def test_the_users_own() -> None:
    assert own_profile() is None
    own_path().parent.mkdir(parents=True)
    own_path().write_text("ctx = 100\n")
    found = own_profile()
    assert found is not None
    assert found.ctx == 100
