"""The facts of a model that is far away, over lines and from servers that are not as they should be."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf import read_facts
from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.paths import cache_dir
from autoglm_lite.store.hub import header, kept_headers
from autoglm_lite.store.hub.access import address_of, read_access
from autoglm_lite.store.hub.client import Client
from autoglm_lite.store.hub.failures import DownloadError
from autoglm_lite.store.hub.header import Remote, remote_facts, remote_parts_facts
from autoglm_lite.store.models import starter_path
from autoglm_lite.store.reference import Hub, HubReference
from tests.gguf.splitting import merged, split
from tests.gguf.tiny import llama, qwen3, strings
from tests.store.hub import FakeHub, serving
from tests.store.hub.fake import sha256

REPO = "org/model-GGUF"
FILE = "model-Q8_0.gguf"
LABEL = f"hf:{REPO}/{FILE}"


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the starter's header takes several."""
    monkeypatch.setattr(header, "RANGE_BYTES", 20_000)


def far(hub: FakeHub, of: Hub = "hf", n_bytes: int | None = None, file: str = FILE) -> ModelFacts:
    content = hub.repositories[REPO][file]
    client = Client(read_access(hub.environ), stall=0.5)
    address = address_of(HubReference(of, REPO, file), "main" if of == "hf" else "master", client.access)
    return remote_facts(address, len(content) if n_bytes is None else n_bytes, client, LABEL, first_wait=0.01)


def starter(*faults: str) -> FakeHub:
    return FakeHub({REPO: {FILE: starter_path().read_bytes()}}, faults=list(faults))


def same(found: ModelFacts) -> bool:
    return found == replace(read_facts(starter_path()), path=Path(LABEL))


def test_they_are_those_of_the_file_and_little_more_than_its_header_comes() -> None:
    with serving(starter()) as hub:
        assert same(far(hub))
        n_header = starter_path().stat().st_size - read_facts(starter_path()).tensor_bytes
        assert n_header <= sum(hub.given.values()) <= n_header + header.RANGE_BYTES
        assert hub.ranges()[:2] == ["bytes=0-19999", "bytes=20000-39999"]


@pytest.mark.parametrize("status", [200, 206])
def test_modelscope_gives_them_as_well(status: int) -> None:
    hub = starter()
    hub.ms_range_status = status
    with serving(hub) as hub:
        assert same(far(hub, "ms"))
        assert sum(hub.given.values()) < starter_path().stat().st_size


def test_a_bad_line_only_takes_longer() -> None:
    faults = ["cut", "stall", "503", "429", "short", "lie", "expired", "hub 503", "hub cut", "page", "cut", "short"]
    with serving(starter(*faults)) as hub:
        assert same(far(hub))
        assert not hub.faults
        ends = [int(asked.rpartition("-")[2]) for asked in hub.ranges() if asked]
        # What has come is not asked for again.
        assert ends == sorted(ends)


def test_a_server_without_ranges_will_do() -> None:
    with serving(starter(*["whole"] * 3)) as hub:
        assert same(far(hub))
        assert hub.count("store") == 1
    # A line that breaks makes such a server begin again.
    with serving(starter("cut", *["whole"] * 3)) as hub:
        assert same(far(hub))


def test_a_line_that_stays_broken_is_said() -> None:
    with serving(starter(*["cut"] * 3, *["hub cut"] * 6)) as hub, pytest.raises(DownloadError) as caught:
        far(hub)
    assert caught.value.kind == "connection"
    with serving(starter(*["503"] * 10)) as hub, pytest.raises(DownloadError) as caught:
        far(hub)
    assert caught.value.kind == "busy"
    assert hub.count("store") == header.ATTEMPTS


@pytest.mark.parametrize(("fault", "kind"), [("page", "page"), ("hub page", "page"), ("lie", "changed")])
def test_what_is_not_the_file_is_not_believed(fault: str, kind: str) -> None:
    with serving(starter(*[fault] * 20)) as hub, pytest.raises(DownloadError) as caught:
        far(hub)
    assert caught.value.kind == kind


def test_another_length_than_was_told_is_another_file() -> None:
    with serving(starter()) as hub:
        for n_bytes in (1000, starter_path().stat().st_size + 1, 1 << 40):
            with pytest.raises(DownloadError) as caught:
                far(hub, n_bytes=n_bytes)
            assert caught.value.kind == "changed"


def test_a_file_that_changes_meanwhile_is_noticed() -> None:
    hub = starter("short")
    old, new = hub.repositories[REPO][FILE], bytearray(hub.repositories[REPO][FILE])
    new[50_000] ^= 1
    with serving(hub) as hub:
        client = Client(read_access(hub.environ), stall=0.5)
        remote = Remote(address_of(HubReference("hf", REPO, FILE), "main", client.access), len(old))
        file = header._Beginning(remote, client, LABEL, 0.01, 20_000)
        assert len(file.read(1000)) == 1000
        file.close()
        hub.repositories[REPO][FILE] = bytes(new)
        with pytest.raises(DownloadError, match=r"has another hf:org/model-GGUF/model-Q8_0.gguf now"):
            while file.read(10_000):
                pass
        file.close()


def test_what_is_wrong_with_the_file_is_said_of_what_the_user_asked_for() -> None:
    for content, what in (
        (b"<!doctype html>" + bytes(1000), "a web page"),
        (b"PK\x03\x04" + bytes(1000), "a zip or PyTorch archive"),
        (starter_path().read_bytes()[:-5], "5 bytes missing"),
        (b"", "is empty"),
    ):
        with serving(FakeHub({REPO: {FILE: content}})) as hub, pytest.raises(ModelFileError) as caught:
            far(hub)
        assert str(caught.value).startswith(LABEL)
        assert what in str(caught.value)


def test_a_header_without_end_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(header, "RANGE_BYTES", 400_000)
    model = qwen3()
    model.put(strings("tokenizer.ggml.tokens", [bytes(1000)] * 3000))
    with serving(FakeHub({REPO: {FILE: model.encode()}})) as hub, pytest.raises(ModelFileError, match="is larger than"):
        far(hub)
    assert sum(hub.given.values()) < 1_500_000
    claims = b"GGUF" + struct.pack("<IQQQ", 3, 1, 1, 1 << 50)
    with serving(FakeHub({REPO: {FILE: claims + bytes(100_000)}})) as hub, pytest.raises(ModelFileError):
        far(hub)


def test_of_the_parts_of_a_split_model_they_are_those_of_the_one_file(tmp_path: Path) -> None:
    content = starter_path().read_bytes()
    n_tensors = len(read_facts(starter_path()).tensors)
    parts = split(content, [0, 7, n_tensors - 7])
    files = {f"model-0000{no}-of-00003.gguf": part for no, part in enumerate(parts, 1)}
    (tmp_path / "model.gguf").write_bytes(merged(content))
    with serving(FakeHub({REPO: files}, faults=["cut"])) as hub:
        client = Client(read_access(hub.environ), stall=0.5)
        there = [
            Remote(address_of(HubReference("hf", REPO, file), "main", client.access), len(part))
            for file, part in files.items()
        ]
        found = remote_parts_facts(there, client, LABEL, 0.01)
        assert found == replace(read_facts(tmp_path / "model.gguf"), path=Path(LABEL))
        with pytest.raises(ModelFileError, match="is part 3 where part 2 belongs"):
            remote_parts_facts([there[0], there[2], there[1]], client, LABEL, 0.01)


def known(hub: FakeHub, file: str = FILE) -> Remote:
    content = hub.repositories[REPO][file]
    address = address_of(HubReference("hf", REPO, file), "main", read_access(hub.environ))
    return Remote(address, len(content), sha256(content))


def test_a_header_that_was_read_need_not_come_again() -> None:
    with serving(starter()) as hub:
        client = Client(read_access(hub.environ), stall=0.5)
        assert same(remote_parts_facts([known(hub)], client, LABEL, 0.01))
        hub.asked.clear()
        assert same(remote_parts_facts([known(hub)], client, LABEL, 0.01))
        assert hub.asked == []
        # Damaged on the disk, it comes again.
        (kept,) = (cache_dir() / "headers").iterdir()
        content = kept.read_bytes()
        kept.write_bytes(content[:5000] + bytes(1000) + content[6000:])
        assert same(remote_parts_facts([known(hub)], client, LABEL, 0.01))
        assert hub.ranges()[0] == "bytes=0-19999"
        assert kept.read_bytes() == content


def test_what_came_of_a_header_before_the_line_broke_for_good_is_gone_on_with() -> None:
    faults = ["503"] * 8
    with serving(starter()) as hub:
        client = Client(read_access(hub.environ), stall=0.5)
        hub.faults = ["cut", *faults]
        with pytest.raises(DownloadError):
            remote_parts_facts([known(hub)], client, LABEL, 0.01)
        hub.faults.clear()
        hub.asked.clear()
        assert same(remote_parts_facts([known(hub)], client, LABEL, 0.01))
        first = hub.ranges()[0]
        assert first is not None
        assert not first.startswith("bytes=0-")


def test_what_is_wrong_is_not_kept_and_only_the_last_headers_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_headers, "MOST_FILES", 3)
    files = {f"m{n}-Q8_0.gguf": llama().encode() + bytes(n) for n in range(5)} | {"bad-Q8_0.gguf": b"<html>" * 50}
    with serving(FakeHub({REPO: files})) as hub:
        client = Client(read_access(hub.environ), stall=0.5)
        for name in files:
            with suppress(ModelFileError):
                remote_parts_facts([known(hub, name)], client, LABEL, 0.01)
        kept = {path.name for path in (cache_dir() / "headers").iterdir()}
        assert len(kept) == 3
        assert known(hub, "m4-Q8_0.gguf").sha256 in kept
        assert known(hub, "bad-Q8_0.gguf").sha256 not in kept
