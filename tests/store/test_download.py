"""Getting a file from a hub that cuts, lies, stalls and refuses."""

from __future__ import annotations

import errno
import hashlib
import random
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

import pytest

from autoglm_lite.errors import UsageError
from autoglm_lite.store import download, stored_models
from autoglm_lite.store.download import PARTIAL, Download, Fetch, Patience, parts, remove_part
from autoglm_lite.store.hub.failures import DownloadError
from autoglm_lite.store.models import models_dir
from autoglm_lite.store.wanted import Wanted
from tests.store.hub_server import Hub, serving

CONTENT = random.Random(7).randbytes(400_000)
WANTED = Wanted("hf:org/repo-GGUF/file-Q4_0.gguf", "model-Q4_0.gguf", "A Model", 390_000)
QUICK = Patience(stall=0.5, first=0.001, most=0.002, attempts=4)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(Hub(CONTENT)) as found:
        yield found


@pytest.fixture
def folder() -> Path:
    folder = models_dir()
    folder.mkdir(parents=True)
    return folder


def getting(hub: Hub, folder: Path, patience: Patience = QUICK) -> Download:
    return Download(WANTED, folder, {"HF_ENDPOINT": hub.url}, patience)


def kept(folder: Path) -> bytes:
    return (folder / PARTIAL / f"{WANTED.name}.part").read_bytes()


def test_a_file_comes_whole_and_is_called_as_wanted(hub: Hub, folder: Path) -> None:
    path = getting(hub, folder).run()
    assert path == folder / "model-Q4_0.gguf"
    assert path.read_bytes() == CONTENT
    assert hub.asked[0] == ("/org/repo-GGUF/resolve/main/file-Q4_0.gguf", None)
    assert stored_models() == [path]
    assert list((folder / PARTIAL).iterdir()) == []
    n_asked = len(hub.asked)
    assert getting(hub, folder).run() == path
    assert len(hub.asked) == n_asked


def test_a_cut_is_gone_on_from_where_it_was(hub: Hub, folder: Path) -> None:
    hub.faults = ["cut", "cut", "503", "stall", "hub 502", "hub 429"]
    path = getting(hub, folder).run()
    assert path is not None
    assert path.read_bytes() == CONTENT
    begins = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in hub.ranges() if asked]
    assert begins == sorted(begins)
    assert begins[0] == 266_666


def test_what_came_before_is_not_got_again_in_another_run(hub: Hub, folder: Path) -> None:
    hub.faults = ["cut", *["503"] * 9]
    with pytest.raises(DownloadError, match="try again later; what came is kept"):
        getting(hub, folder).run()
    assert stored_models() == []
    assert kept(folder) == CONTENT[:266_666]
    (part,) = parts(folder)
    assert (part.wanted, part.done, part.total) == (WANTED, 266_666, 400_000)
    hub.faults, hub.asked = [], []
    assert getting(hub, folder).run()
    assert hub.ranges() == ["bytes=266666-"]
    assert parts(folder) == []


def test_another_file_in_its_place_is_got_from_the_beginning(hub: Hub, folder: Path) -> None:
    hub.faults = ["cut", *["503"] * 9]
    with pytest.raises(DownloadError):
        getting(hub, folder).run()
    hub.content, hub.etag, hub.faults = CONTENT[::-1], '"bytes-2"', []
    hub.sha256 = hashlib.sha256(hub.content).hexdigest()
    path = getting(hub, folder).run()
    assert path is not None
    assert path.read_bytes() == hub.content


def test_a_part_that_was_damaged_on_the_disk_is_found(hub: Hub, folder: Path) -> None:
    hub.faults = ["cut", *["503"] * 9]
    with pytest.raises(DownloadError):
        getting(hub, folder).run()
    part = folder / PARTIAL / f"{WANTED.name}.part"
    part.write_bytes(b"x" + kept(folder)[1:])
    hub.faults = []
    with pytest.raises(DownloadError, match="thrown away"):
        getting(hub, folder).run()
    assert stored_models() == []
    assert parts(folder) == []
    path = getting(hub, folder).run()
    assert path is not None
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        (["hub 401"], "refused"),
        (["hub 403"], "refused"),
        (["hub 404"], "missing"),
        (["404"], "missing"),
        (["429"] * 9, "busy"),
        (["hub 500"] * 9, "trouble"),
        (["hub circle"] * 9, "trouble"),
        (["hub elsewhere"], "refused"),
        (["hub silent"], "unchecked"),
        (["wrong"], "wrong"),
        (["lie"] * 9, "trouble"),
        (["416"] * 9, "trouble"),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_no_model(hub: Hub, folder: Path, faults: list[str], kind: str) -> None:
    hub.faults = faults
    with pytest.raises(DownloadError) as caught:
        getting(hub, folder).run()
    assert caught.value.kind == kind
    assert "\n" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)
    assert stored_models() == []


def test_no_server_at_all(hub: Hub, folder: Path) -> None:
    dead = Download(WANTED, folder, {"HF_ENDPOINT": "http://127.0.0.1:9"}, QUICK)
    with pytest.raises(DownloadError, match=r"The connection to 127.0.0.1 fails \(Connection refused\)"):
        dead.run()


def test_too_small_a_disk_is_told_before_anything_comes(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=50_000_000))
    with pytest.raises(DownloadError, match="it needs 100 MB more and has 50 MB"):
        getting(hub, folder).run()
    assert kept(folder) == b""


def test_a_disk_that_fills_up_keeps_what_came(hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = Fetch._keep

    def filling(self: Fetch, file: BinaryIO, piece: bytes) -> None:
        if self._hashed > 200_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        keep(self, file, piece)

    with monkeypatch.context() as patched:
        patched.setattr(Fetch, "_keep", filling)
        with pytest.raises(DownloadError, match="too little room") as caught:
            getting(hub, folder).run()
    assert caught.value.kind == "full"
    n_bytes = len(kept(folder))
    assert n_bytes > 200_000
    hub.asked = []
    assert getting(hub, folder).run()
    assert hub.ranges() == [f"bytes={n_bytes}-"]


def test_a_pause_keeps_what_came_and_one_gets_it_at_a_time(hub: Hub, folder: Path) -> None:
    hub.pace = 0.05
    one = getting(hub, folder)
    results: list[Path | None] = []
    thread = threading.Thread(target=lambda: results.append(one.run()))
    thread.start()
    while one.progress.done < 100_000:
        assert thread.is_alive()
    with pytest.raises(DownloadError, match="Another autoglm-lite is getting A Model already"):
        getting(hub, folder).run()
    one.stop()
    thread.join(20)
    assert results == [None]
    done = len(kept(folder))
    assert 100_000 <= done < 400_000
    assert one.progress.done == done
    hub.pace, hub.asked = 0, []
    assert one.run() == folder / WANTED.name
    assert hub.ranges() == [f"bytes={done}-"]
    assert one.progress.state == "done"


def test_many_faulty_downloads_end_with_the_right_bytes_or_with_nothing(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(3)
    kinds = ["cut", "wrong", "whole", "lie", "503", "416", "404", "hub 500", "hub 403", "hub silent", "hub circle"]
    whole = 0
    for _ in range(60):
        hub.faults = chance.choices(kinds, k=chance.randrange(1, 6))
        try:
            path = getting(hub, folder).run()
        except DownloadError:
            assert stored_models() == []
            continue
        assert path is not None
        assert path.read_bytes() == CONTENT
        path.unlink()
        whole += 1
    assert 0 < whole < 60


@pytest.mark.parametrize(
    "name",
    ["../a.gguf", "a/b.gguf", "a\\b.gguf", ".gguf", "..gguf", ".a.gguf", "a", "a.bin", "a\0.gguf", "a\n.gguf", ""],
)
def test_no_name_leads_out_of_the_folder(folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        Download(Wanted("hf:a/b/c.gguf", name, "", 1), folder, {})
    with pytest.raises(ValueError, match="cannot be the name"):
        remove_part(folder, name)


@pytest.mark.parametrize(
    "reference", ["hf:a/b", "hf:a", "a/b/c", "hf:../b/c.gguf", "hf:a/b/../c.gguf", "hf:a/b//c", "https://a/b/c", ""]
)
def test_no_reference_leads_elsewhere(folder: Path, reference: str) -> None:
    with pytest.raises(UsageError, match=r"repository|no file of a hub"):
        Download(Wanted(reference, "a.gguf", "", 1), folder, {})


@pytest.mark.parametrize("address", ["hub", "ftp://a", "file:///etc", "http://"])
def test_an_endpoint_that_is_no_address(folder: Path, address: str) -> None:
    with pytest.raises(UsageError, match="HF_ENDPOINT"):
        Download(WANTED, folder, {"HF_ENDPOINT": address})


def test_what_is_no_part_is_passed_over(folder: Path) -> None:
    (folder / PARTIAL).mkdir()
    for name, text in (("a.gguf.json", "{}"), ("b.gguf.json", "nonsense"), ("c.json", "[]")):
        (folder / PARTIAL / name).write_text(text)
    assert parts(folder) == []


def test_the_speed_is_that_of_the_last_seconds() -> None:
    speed = download.Speed()
    assert speed.count(0, 0.0) is None
    assert speed.count(1000, 1.0) == 1000
    for second in range(2, 20):
        found = speed.count(1000, float(second))
    assert found == 0
