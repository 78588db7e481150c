"""What lies in other programs' folders may be anything: nothing outside of them is read, and a look always ends."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoglm_lite.store.others import gpt4all, hugging_face, jan, lm_studio, looking, modelscope, ollama
from autoglm_lite.store.others.search import find_models, locked_folders
from tests.store.others import trees

DIGEST = "a" * 64
DIGESTS = (
    f"sha256:../../../../../secret/{DIGEST}",
    f"sha256-{DIGEST}/../../../../../secret.gguf",
    f"sha256:{DIGEST}\n",
    f"sha256:{DIGEST[:-1]}",
    f"sha256:{DIGEST}0",
    f"sha256:{DIGEST[:-1]}/",
    f"sha256:{'A' * 64}",
    f"sha512:{DIGEST}",
    "../../../../secret.gguf",
    "/secret.gguf",
    "sha256:..",
    "",
    None,
    7,
    ["sha256:" + DIGEST],
    {"sha256": DIGEST},
)


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """A look that does not end fails here, and does not stop all tests."""

    def stop(*_: object) -> None:
        raise TimeoutError("it looks for ever")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("digest", DIGESTS)
def test_a_digest_that_is_none_leads_nowhere(tmp_path: Path, digest: object) -> None:
    models = tmp_path / "home" / ".ollama" / "models"
    (models / "blobs").mkdir(parents=True)
    secret = trees.put(tmp_path / "home" / "secret.gguf", trees.chat_model("secret"))
    trees.put(tmp_path / "home" / "secret" / DIGEST, secret.read_bytes())
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": digest, "size": 1}
    trees.put(models / "manifests" / "registry.ollama.ai" / "library" / "a" / "b", json.dumps({"layers": [layer]}))
    assert list(ollama.find(trees.computer(tmp_path))) == []


ODD = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"layers": {}}',
    b'{"layers": [null, 7, [], {}, {"mediaType": 5}]}',
    b'{"mediaType": "application/vnd.ollama.manifest.list.v2+json", "manifests": [{"mediaType": "x"}, 3]}',
    b"[" * 100_000,
    b'{"layers": ' + b"[" * 50_000,
    b"\xff\xfe\x00",
    b'{"layers": [' + b"{}," * 400_000 + b"{}]}",
)


@pytest.mark.parametrize("manifest", ODD, ids=range(len(ODD)))
def test_a_manifest_that_is_none_is_passed_over(tmp_path: Path, manifest: bytes) -> None:
    models = tmp_path / "home" / ".ollama" / "models"
    trees.put(models / "manifests" / "registry.ollama.ai" / "library" / "odd" / "1b", manifest)
    trees.ollama_model(models, "registry.ollama.ai/library/sound/1b", ("model", trees.chat_model("sound")))
    with within(20):
        assert [one.name for one in ollama.find(trees.computer(tmp_path))] == ["sound:1b"]


def test_a_list_of_manifests_that_contains_itself_ends(tmp_path: Path) -> None:
    models = tmp_path / "home" / ".ollama" / "models"
    inner = trees.blob(models, json.dumps({"mediaType": ollama.MANIFEST_LIST, "manifests": [{"digest": DIGEST}]}))
    outer = {"mediaType": ollama.MANIFEST_LIST, "manifests": [{"digest": inner}] * 5}
    trees.put(models / "manifests" / "registry.ollama.ai" / "library" / "a" / "b", json.dumps(outer))
    with within(20):
        assert list(ollama.find(trees.computer(tmp_path))) == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["layers", "manifests", "mediaType", "digest"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_json_a_manifest_is_nothing_breaks(tmp_path: Path, value: object) -> None:
    models = tmp_path / "home" / ".ollama" / "models"
    trees.put(models / "manifests" / "registry.ollama.ai" / "library" / "a" / "b", json.dumps(value))
    assert list(ollama.find(trees.computer(tmp_path))) == []


def _links(folder: Path, secret: Path) -> None:
    """A GGUF by each kind of link out of `folder`, and links that lead in circles."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "out.gguf").symlink_to(secret)
    (folder / "circle.gguf").symlink_to("circle.gguf")
    (folder / "away.gguf").symlink_to("nowhere")
    (folder / "up").symlink_to("..")
    (folder / "here").symlink_to(".")
    (folder / "whole").symlink_to("/")
    (folder / "proc.gguf").symlink_to("/proc/self/fd/0")
    os.mkfifo(folder / "pipe.gguf")
    (folder / "folder.gguf").mkdir()


def test_links_pipes_and_circles_are_not_followed(tmp_path: Path) -> None:
    computer = trees.computer(tmp_path)
    secret = trees.put(tmp_path / "secret.gguf", trees.chat_model("secret"))
    data = computer.home / ".local" / "share"
    _links(computer.home / ".lmstudio" / "models" / "org" / "repo", secret)
    _links(data / "nomic.ai" / "GPT4All", secret)
    _links(data / "Jan" / "data" / "llamacpp" / "models" / "odd", secret)
    _links(computer.home / ".cache" / "llama.cpp", secret)
    _links(computer.home / ".cache" / "modelscope" / "hub" / "models" / "org" / "repo", secret)
    _links(computer.home / ".cache" / "huggingface" / "hub" / "models--a--b" / "snapshots" / trees.REVISION, secret)
    _links(computer.home / ".ollama" / "models" / "manifests" / "registry.ollama.ai" / "library" / "a", secret)
    blob = computer.home / ".ollama" / "models" / "blobs" / f"sha256-{DIGEST}"
    trees.ollama_model(blob.parents[1], "registry.ollama.ai/library/linked/1b", ("template", "x"))
    blob.symlink_to(secret)
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{DIGEST}"}
    manifests = blob.parents[1] / "manifests" / "registry.ollama.ai" / "library"
    trees.put(manifests / "out" / "1b", json.dumps({"layers": [layer]}))
    with within(30):
        assert find_models(computer) == []


@pytest.mark.parametrize(
    "path",
    [
        "../../../../secret.gguf",
        "{secret}",
        "llamacpp/models/../../../../../../secret.gguf",
        "a\\0b",
        "~/secret.gguf",
        "",
    ],
)
@pytest.mark.parametrize("key", ["model_path: {}", "files:\n  - {}", "model_path: '{}'"])
def test_jans_descriptions_lead_nowhere_else(tmp_path: Path, path: str, key: str) -> None:
    computer = trees.computer(tmp_path)
    secret = trees.put(computer.home / "secret.gguf", trees.chat_model("secret"))
    data = computer.home / ".local" / "share" / "Jan" / "data"
    text = key.format(path.format(secret=secret).replace("\\0", "\0"))
    trees.put(data / "llamacpp" / "models" / "odd" / "model.yml", f"name: odd\n{text}\n")
    assert list(jan.find(computer)) == []


@pytest.mark.parametrize("text", ["relative/path", "", "\0", "/no/such/folder", "/dev/null", "/proc/self", "x" * 5000])
def test_settings_of_others_may_say_anything(tmp_path: Path, text: str) -> None:
    computer = trees.computer(tmp_path)
    trees.put(computer.home / ".lmstudio-home-pointer", text)
    trees.put(computer.home / ".lmstudio" / "settings.json", json.dumps({"downloadsFolder": text}))
    trees.put(computer.home / ".config" / "nomic.ai" / "GPT4All.ini", f"[General]\nmodelPath={text}\n")
    trees.put(computer.home / ".config" / "Jan" / "settings.json", json.dumps({"data_folder": text}))
    with within(30):
        assert [*lm_studio.find(computer), *gpt4all.find(computer), *jan.find(computer)] == []


def test_names_that_are_none_are_passed_over(tmp_path: Path) -> None:
    computer = trees.computer(tmp_path)
    models = computer.home / ".ollama" / "models"
    for name in ("-x/1b", "a..b/1b", "a b/1b", "模型/1b", "a\x1b[31m/1b", "x" * 200 + "/1b"):
        trees.ollama_model(models, f"registry.ollama.ai/library/{name}", ("model", trees.chat_model("odd")))
    hub = computer.home / ".cache" / "huggingface" / "hub"
    for repo in ("models--a", "models----b", "models--a b--c", "models--a--b\x1b", "datasets--a--b"):
        trees.put(hub / repo / "snapshots" / trees.REVISION / "m.gguf", trees.chat_model("odd"))
    trees.put(hub / "models--a--b" / "snapshots" / ".." / "refs" / "main", "../../../..")
    trees.put(hub / "models--a--b" / "snapshots" / "no revision" / "m.gguf", trees.chat_model("odd"))
    cache = computer.home / ".cache" / "modelscope" / "hub" / "models"
    trees.put(cache / "a b" / "c" / "m.gguf", trees.chat_model("odd"))
    found = [*ollama.find(computer), *hugging_face.find(computer), *modelscope.find(computer)]
    assert found == []


def test_what_cannot_be_read_is_passed_over_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computer = trees.computer(tmp_path)
    trees.ollama(computer.home / ".ollama" / "models")
    locked = computer.root / "usr/share/ollama/.ollama/models"
    trees.ollama(locked)
    scandir, opened = os.scandir, os.open

    def may_not_look(folder: Path) -> object:
        # Tests may run as root, whom no mode keeps out.
        if str(folder).startswith(str(locked)):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    def may_not_open(path: Path, flags: int) -> int:
        if "blobs" in str(path):
            raise PermissionError(13, "Permission denied")
        return opened(path, flags)

    monkeypatch.setattr(os, "scandir", may_not_look)
    monkeypatch.setattr(os, "open", may_not_open)
    assert find_models(computer) == []
    assert locked_folders(computer) == [locked]


def test_a_tree_without_end_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "MOST_ENTRIES", 500)
    deep = tmp_path
    for _ in range(40):
        deep = deep / "d"
    trees.put(deep / "deep.gguf", b"GGUF")
    for number in range(600):
        trees.put(tmp_path / "wide" / f"{number:04}.gguf", b"GGUF")
    found = list(looking.files(tmp_path))
    assert 0 < len(found) <= 500
    assert not any(path.name == "deep.gguf" for path in found)


def test_a_socket_is_no_model(tmp_path: Path) -> None:
    computer = trees.computer(tmp_path)
    folder = computer.home / ".cache" / "gpt4all"
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(folder)
        try:
            one.bind("s.gguf")
        finally:
            os.chdir(here)
        assert list(gpt4all.find(computer)) == []
