"""A model comes whole into the store, or not at all."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.errors import ModelFileError, StoreError, UsageError
from autoglm_lite.store import stored_models
from autoglm_lite.store.download.fetch import Source
from autoglm_lite.store.download.progress import Patience
from autoglm_lite.store.hub.access import address_of, read_access
from autoglm_lite.store.hub.client import Client
from autoglm_lite.store.hub.failures import DownloadError
from autoglm_lite.store.hub.kept_headers import keep_start
from autoglm_lite.store.manifest import read_manifest
from autoglm_lite.store.models import models_dir
from autoglm_lite.store.pulling import Order, Pull, came, folder_of
from autoglm_lite.store.reference import HubReference
from tests.gguf.splitting import merged, split
from tests.gguf.tiny import llama
from tests.store.full_disk import full_at
from tests.store.hub import FakeHub, serving
from tests.store.hub.fake import sha256

WHOLE = llama().encode()
N = len(llama().tensors)
PARTS = split(WHOLE, [3, 4, N - 7])
EYES = b"GGUF" + bytes(range(256)) * 2000
FILES = {f"m-Q8_0-{n + 1:05}-of-00003.gguf": part for n, part in enumerate(PARTS)} | {"mmproj-m-f16.gguf": EYES}
QUICK = Patience(stall=1.0, first=0.01, most=0.02, attempts=3)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with serving(FakeHub({"org/m": dict(FILES), "org/one": {"m-Q8_0.gguf": WHOLE}})) as found:
        yield found


def ordered(hub: FakeHub, repo: str = "org/m") -> Order:
    access = read_access(hub.environ)

    def source(file: str) -> Source:
        content = hub.repositories[repo][file]
        address = address_of(HubReference("hf", repo, file), hub.commit(repo), access)
        return Source(address, file, len(content), hub.told_sha256(repo, file))

    files = list(hub.repositories[repo])
    eyes = [source(file) for file in files if file.startswith("mmproj")]
    parts = tuple(source(file) for file in files if not file.startswith("mmproj"))
    return Order("m-Q8_0", parts, eyes[0] if eyes else None, f"hf:{repo}/{files[0]}", hub.commit(repo), "mit")


def client(hub: FakeHub) -> Client:
    return Client(read_access(hub.environ), stall=1.0)


def pull(hub: FakeHub, repo: str = "org/m") -> Pull:
    return Pull(ordered(hub, repo), models_dir(), client(hub), patience=QUICK)


def names() -> list[str]:
    return sorted(path.name for path in models_dir().iterdir() if path.is_file())


def test_parts_become_one_model_and_what_sees_comes_along(hub: FakeHub) -> None:
    one = pull(hub)
    assert one.run() == models_dir() / "m-Q8_0.gguf"
    assert names() == ["m-Q8_0.gguf", "m-Q8_0.mmproj"]
    assert (models_dir() / "m-Q8_0.gguf").read_bytes() == merged(WHOLE)
    assert (models_dir() / "m-Q8_0.mmproj").read_bytes() == EYES
    known = read_manifest(models_dir(), "m-Q8_0")
    assert known is not None
    assert known.mmproj is not None
    assert (known.source, known.mmproj.sha256) == ("hf:org/m/m-Q8_0-00001-of-00003.gguf", sha256(EYES))
    assert not folder_of(models_dir(), "m-Q8_0").exists()


def test_nothing_is_to_be_seen_before_all_is_there(hub: FakeHub) -> None:
    hub.spoiled = {"org/m/mmproj-m-f16.gguf"}
    with pytest.raises(DownloadError, match="thrown away"):
        pull(hub).run()
    assert stored_models() == []
    assert came(models_dir(), "m-Q8_0") >= len(WHOLE)
    hub.spoiled.clear()
    before = hub.given.copy()
    assert pull(hub).run()
    # Parts that had come did not come again.
    assert [hub.given[f"org/m/{file}"] - before[f"org/m/{file}"] for file in FILES] == [0, 0, 0, len(EYES)]


def test_what_came_of_another_version_is_not_mixed_in(hub: FakeHub) -> None:
    hub.repositories["org/m"]["m-Q8_0-00002-of-00003.gguf"] = b"GGUF, an old one"
    with pytest.raises(ModelFileError):
        pull(hub).run()
    hub.repositories["org/m"] = dict(FILES)
    assert pull(hub).run()
    assert (models_dir() / "m-Q8_0.gguf").read_bytes() == merged(WHOLE)


def test_two_at_once_and_a_stop(hub: FakeHub) -> None:
    hub.faults = ["mute"] * 9
    first, second, results = pull(hub), pull(hub), list[Path | None]()
    threads = [threading.Thread(target=lambda one=one: results.append(one.run())) for one in (first, second)]
    threads[0].start()
    while hub.count("store") < 1:
        assert threads[0].is_alive()
    threads[1].start()
    while second.progress.state != "taken":
        assert threads[1].is_alive()
    second.stop()
    threads[1].join(20)
    first.stop()
    threads[0].join(20)
    assert results == [None, None]
    assert names() == []
    hub.faults.clear()
    assert first.run()


def test_who_waits_takes_what_the_other_stored(hub: FakeHub) -> None:
    hub.faults = ["stall", "stall"]
    first, second, results = pull(hub), pull(hub), list[Path | None]()
    threads = [threading.Thread(target=lambda one=one: results.append(one.run())) for one in (first, second)]
    threads[0].start()
    while hub.count("store") < 1:
        assert threads[0].is_alive()
    threads[1].start()
    for thread in threads:
        thread.join(30)
    assert results == [models_dir() / "m-Q8_0.gguf"] * 2
    assert sum(hub.given.values()) == sum(map(len, FILES.values()))


def test_the_hub_cannot_name_other_files(hub: FakeHub) -> None:
    assert pull(hub, "org/one").run()
    assert names() == ["m-Q8_0.gguf"]
    for name in ("../m", "a/b", "", ".."):
        with pytest.raises(UsageError, match="cannot be a name"):
            Pull(Order(name, (), None, ""), models_dir(), Client(read_access(hub.environ)))


def test_a_new_text_beside_the_model_costs_nothing_that_came(hub: FakeHub) -> None:
    big = b"GGUF" + bytes(range(256)) * 4000
    hub.repositories["org/big"] = {"m-Q8_0.gguf": big}
    hub.pace = 0.05
    first = pull(hub, "org/big")
    thread = threading.Thread(target=first.run)
    thread.start()
    while came(models_dir(), "m-Q8_0") < 200_000:
        assert thread.is_alive()
    first.stop()
    thread.join(20)
    hub.pace, asked = 0, len(hub.ranges())
    order = ordered(hub, "org/big")
    hub.repositories["org/big"]["README.md"] = b"# New"
    later = ordered(hub, "org/big")
    assert order.revision != later.revision
    assert Pull(replace(later, parts=later.parts[:1]), models_dir(), client(hub), patience=QUICK).run()
    assert (models_dir() / "m-Q8_0.gguf").read_bytes() == big
    assert not {None, "bytes=0-"} & set(hub.ranges()[asked:])


def test_what_was_read_before_does_not_come_again(hub: FakeHub) -> None:
    big = b"GGUF" + bytes(range(256)) * 4000
    hub.repositories["org/big"] = {"m-Q8_0.gguf": big}
    keep_start(sha256(big), big[:500_000])
    assert pull(hub, "org/big").run()
    assert hub.ranges()[0] == "bytes=500000-"
    assert hub.given["org/big/m-Q8_0.gguf"] == len(big) - 500_000
    assert (models_dir() / "m-Q8_0.gguf").read_bytes() == big


def test_what_was_kept_badly_is_given_up(hub: FakeHub) -> None:
    keep_start(sha256(WHOLE), b"GGUF" + bytes(1000))
    with pytest.raises(DownloadError, match="thrown away"):
        pull(hub, "org/one").run()
    assert pull(hub, "org/one").run()
    assert (models_dir() / "m-Q8_0.gguf").read_bytes() == WHOLE


@pytest.mark.parametrize("status", [200, 206])
def test_modelscope_answers_ranges_with_either_status(hub: FakeHub, status: int) -> None:
    hub.ms_range_status = status
    big = b"GGUF" + bytes(range(256)) * 4000
    hub.repositories["org/big"] = {"m-Q8_0.gguf": big}
    access = read_access(hub.environ)
    address = address_of(HubReference("ms", "org/big", "m-Q8_0.gguf"), "master", access)
    order = Order("m-Q8_0", (Source(address, "m", len(big), sha256(big)),), None, "ms:org/big/m-Q8_0.gguf")
    hub.faults = ["cut"]
    assert Pull(order, models_dir(), client(hub), patience=QUICK).run()
    assert (models_dir() / "m-Q8_0.gguf").read_bytes() == big
    assert hub.given["org/big/m-Q8_0.gguf"] < 1.7 * len(big)


PROGRAM = """
import json, sys
from autoglm_lite.store.download.fetch import Source
from autoglm_lite.store.hub.access import read_access
from autoglm_lite.store.hub.client import Client
from autoglm_lite.store.models import models_dir
from autoglm_lite.store.pulling import Order, Pull

told = json.loads(sys.argv[1])
parts = tuple(Source(*one) for one in told["parts"])
order = Order("m-Q8_0", parts, Source(*told["mmproj"]), told["source"], told["revision"])
print("begun", flush=True)
Pull(order, models_dir(), Client(read_access({}), stall=5.0)).run()
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_model(hub: FakeHub) -> None:
    order = ordered(hub)
    assert order.mmproj is not None
    told = {
        "parts": [[one.address, one.label, one.n_bytes, one.sha256] for one in order.parts],
        "mmproj": [order.mmproj.address, "m", order.mmproj.n_bytes, order.mmproj.sha256],
        "source": order.source,
        "revision": order.revision,
    }
    chance, hub.pace = random.Random(11), 0.005
    for _ in range(25):
        running = subprocess.Popen([sys.executable, "-c", PROGRAM, json.dumps(told)], stdout=subprocess.PIPE)
        assert running.stdout is not None
        with running.stdout as out:
            out.readline()
            time.sleep(chance.random() * 0.4)
            running.kill()
        running.wait()
        for path in stored_models():
            assert path.read_bytes() == merged(WHOLE)
            assert path.with_suffix(".mmproj").read_bytes() == EYES
            shutil.rmtree(models_dir())
    assert pull(hub).run()
    assert (models_dir() / "m-Q8_0.gguf").read_bytes() == merged(WHOLE)
    assert names() == ["m-Q8_0.gguf", "m-Q8_0.mmproj"]


def test_a_disk_that_is_full_at_each_step_in_turn(hub: FakeHub) -> None:
    old = llama().encode() + b"old"
    for step in range(300):
        models = models_dir()
        models.mkdir(parents=True)
        (models / "m-Q8_0.gguf").write_bytes(old)
        done, said = None, "is full"
        with full_at(step) as disk:
            try:
                done = pull(hub, "org/one").run()
            except (DownloadError, StoreError) as error:
                said = str(error)
        assert re.search("too little room|is full|cannot be written", said)
        assert (models / "m-Q8_0.gguf").read_bytes() == (WHOLE if done else old)
        if not done:
            assert pull(hub, "org/one").run()
            assert (models / "m-Q8_0.gguf").read_bytes() == WHOLE
        if not disk.fell:
            break
        shutil.rmtree(models)
    assert not disk.fell
    assert step > 10
