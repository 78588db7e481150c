"""What a hub says is in a repository."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite.store.hub.access import read_access
from autoglm_lite.store.hub.asking import MOST_BYTES, ask
from autoglm_lite.store.hub.client import Client
from autoglm_lite.store.hub.failures import DownloadError
from autoglm_lite.store.hub.listing import repository
from autoglm_lite.store.hub.paths import is_safe_kind, is_safe_path
from autoglm_lite.store.hub.repository import HubFile
from autoglm_lite.store.reference import HubReference
from tests.store.hub import FakeHub, serving
from tests.store.hub.fake import GOOD_TOKEN, sha256

HF, MS = HubReference("hf", "org/repo"), HubReference("ms", "org/repo")
MODEL = bytes(1000)
FILES = {"model-Q4_0.gguf": MODEL, "sub/part.safetensors": b"s", "config.json": b"{}"}
UNWANTED = {
    "pytorch_model.bin": b"p",
    "model.pt": b"p",
    "weights.pkl": b"p",
    "run.py": b"p",
    "all.zip": b"z",
    "all.tar.gz": b"z",
    "a.gguf.exe": b"",
    ".gitattributes": b"",
}
NAMES = [
    "../a.gguf",
    "a/../../b.gguf",
    "/etc/a.gguf",
    "a//b.gguf",
    "./a.gguf",
    "a\\b.gguf",
    "C:a.gguf",
    "a\n.gguf",
    "a\x1b[2J.gguf",
    "a\u202efugg.gguf",
    "e\u0301.gguf",
    "a\ud800.gguf",
    "a" * 300 + ".gguf",
    "a*.gguf",
    " /a.gguf",
    "",
    "..",
]


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with serving(FakeHub({"org/repo": {**FILES, **UNWANTED}})) as found:
        found.licences = {"org/repo": "apache-2.0"}
        yield found


def client(hub: FakeHub, environ: Mapping[str, str] | None = None) -> Client:
    nowhere = {"HF_TOKEN_PATH": "/nonexistent/token"}
    return Client(read_access({**nowhere, **hub.environ, **(environ or {})}), stall=2.0)


def refused(hub: FakeHub, reference: HubReference = HF, environ: Mapping[str, str] | None = None) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        repository(reference, client(hub, environ))
    assert "\n" not in str(caught.value)
    return caught.value


def test_files_of_safe_kinds_with_their_checksums(hub: FakeHub) -> None:
    found = repository(HF, client(hub))
    assert found.files == (
        HubFile("model-Q4_0.gguf", 1000, sha256(MODEL)),
        HubFile("sub/part.safetensors", 1, sha256(b"s")),
        HubFile("config.json", 2, None),
    )
    assert (found.revision, found.licence, found.gated) == (hub.commit("org/repo"), "apache-2.0", False)
    assert hub.count("api") == 1
    there = repository(MS, client(hub))
    assert [file.path for file in there.files] == [file.path for file in found.files]
    assert there.files[2].sha256 == sha256(b"{}")
    assert (there.revision, there.licence) == ("master", "apache-2.0")


@pytest.mark.parametrize("hub_name", ["hf", "ms"])
def test_names_that_lead_elsewhere_are_left_out(hub: FakeHub, hub_name: str) -> None:
    hub.repositories["org/repo"] = dict.fromkeys([*NAMES, "good.gguf"], b"x")
    reference = HF if hub_name == "hf" else MS
    assert [file.path for file in repository(reference, client(hub)).files] == ["good.gguf"]


@settings(max_examples=50)
@given(st.text())
def test_what_may_come_has_a_plain_path(path: str) -> None:
    if is_safe_path(path):
        parts = path.split("/")
        assert not {"", ".", ".."} & set(parts)
        assert "\\" not in path
        assert "\0" not in path


def test_kinds() -> None:
    assert all(
        map(
            is_safe_kind,
            ["a.GGUF", "a/tokenizer.model", "LICENSE", "x.jinja", "merges.txt", "licence.md", "a.tiktoken"],
        )
    )
    assert not any(map(is_safe_kind, [*UNWANTED, "tokenizer.modelx", "other.model", "notes.md", ".gguf"]))


def test_refusals_say_what_to_do(hub: FakeHub) -> None:
    hub.gated, hub.private = {"org/repo"}, {"org/secret"}
    hub.repositories["org/secret"] = FILES
    page = f"{hub.url}/org/repo"
    assert str(refused(hub)) == (
        f"127.0.0.1 gives org/repo only to those who have agreed to its terms: open {page} and agree there,"
        " log in here with `hf auth login` or HF_TOKEN, and ask again."
    )
    token = {"HF_TOKEN": GOOD_TOKEN, "MODELSCOPE_API_TOKEN": GOOD_TOKEN}
    assert repository(HF, client(hub, token)).gated
    for name in ("org/secret", "org/nothing"):
        assert refused(hub, HubReference("hf", name)).kind == "hidden"
    assert repository(HubReference("hf", "org/secret"), client(hub, token)).files
    assert repository(HubReference("ms", "org/secret"), client(hub, token)).files
    bad = {"HF_TOKEN": "hf_bad", "MODELSCOPE_API_TOKEN": "bad"}
    assert "`hf auth login`" in str(refused(hub, HF, bad))
    assert str(refused(hub, MS, bad)).endswith("log in again with MODELSCOPE_API_TOKEN.")
    assert refused(hub, HF, bad).kind == "token"


def test_a_repository_that_has_another_name_now(hub: FakeHub) -> None:
    hub.renamed = {"old/name": "org/repo"}
    assert repository(HubReference("hf", "old/name"), client(hub)).revision == hub.commit("org/repo")


def test_it_asks_again_where_that_may_help(hub: FakeHub) -> None:
    hub.faults = ["api 503", "api cut", "api 429"]
    assert ask(f"{hub.url}/api/models/org/repo", "", client(hub), waits=(0, 0, 0))
    hub.faults = ["api 500", "api 500"]
    with pytest.raises(DownloadError, match="cannot answer as it should"):
        ask(f"{hub.url}/api/models/org/repo", "", client(hub), waits=(0,))
    hub.faults = ["api 401"]
    assert refused(hub).kind == "hidden"
    hub.faults = ["api 403"]
    assert refused(hub).kind == "refused"
    hub.faults = ["api nonsense"]
    assert "it is no JSON" in str(refused(hub))
    hub.faults = ["api page"]
    assert "log in first" in str(refused(hub))


def test_a_list_that_modelscope_may_have_cut_is_not_taken_for_whole(hub: FakeHub) -> None:
    hub.repositories["org/repo"] = {f"{n}.json": b"" for n in range(3001)}
    assert "not all are told" in str(refused(hub, MS))


def test_a_mirror_that_is_down(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(DownloadError, match="which HF_ENDPOINT names, cannot be reached"):
        repository(HF, client(hub, {"HF_ENDPOINT": "http://127.0.0.1:9"}))


def test_a_hub_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match=r"huggingface.co cannot be reached .* HF_ENDPOINT names a mirror"):
        repository(HF, Client(read_access({"HF_TOKEN_PATH": "/nonexistent"}), stall=2.0))


@contextmanager
def saying(body: Iterator[bytes]) -> Iterator[str]:
    """A server that answers one request with `body`, however long."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                for piece in body:
                    self.wfile.write(piece)
            except OSError:
                pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.handle_request, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.server_close()
        thread.join()


def told(found: object) -> DownloadError | int:
    """What comes of an answer of Hugging Face's: how many files, or why not."""
    with saying(iter([json.dumps(found).encode()])) as url:
        try:
            return len(repository(HF, Client(read_access({"HF_ENDPOINT": url}), stall=2.0)).files)
        except DownloadError as error:
            return error


GOOD = {"sha": "ab" * 20, "siblings": [{"rfilename": "a.gguf", "size": 3, "lfs": {"sha256": "ab" * 32, "size": 4}}]}


@pytest.mark.parametrize(
    "found",
    [
        [],
        None,
        7,
        {},
        {**GOOD, "sha": None},
        {**GOOD, "sha": "../../x"},
        {**GOOD, "siblings": None},
        {**GOOD, "siblings": {"a": 1}},
        {**GOOD, "siblings": ["a.gguf"]},
        {**GOOD, "siblings": [{"rfilename": 3, "size": 1}]},
        {**GOOD, "siblings": [{"rfilename": "a.gguf"}]},
        {**GOOD, "siblings": [{"rfilename": "a.gguf", "size": -1}]},
        {**GOOD, "siblings": [{"rfilename": "a.gguf", "size": True}]},
        {**GOOD, "siblings": [{"rfilename": "a.gguf", "size": 1.5}]},
        {**GOOD, "siblings": [{"rfilename": "a.gguf", "size": 10**30}]},
        {**GOOD, "siblings": [{"rfilename": "a.gguf", "size": 1, "lfs": {"sha256": "ab", "size": 1}}]},
        {**GOOD, "siblings": [{"rfilename": "a.gguf", "size": 1}, {"rfilename": "A.gguf", "size": 1}]},
        {**GOOD, "siblings": [{"rfilename": f"{n}.json", "size": 1} for n in range(100_000)]},
    ],
)
def test_nonsense_is_refused_in_a_sentence(found: object) -> None:
    error = told(found)
    assert isinstance(error, DownloadError)
    assert error.kind == "listing"
    assert "\n" not in str(error)


def test_what_it_says_beside_is_no_matter() -> None:
    assert told({**GOOD, "cardData": None, "gated": False, "else": [[]]}) == 1
    assert told({**GOOD, "cardData": {"license": ["mit"]}}) == 1


def test_a_list_without_end_is_not_read() -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"siblings": ['
        while True:
            sent.append(1)
            yield b'{"rfilename": "a.json", "size": 1},' * 3000

    sent: list[int] = []
    with saying(pieces()) as url, pytest.raises(DownloadError, match="longer than 8 MB"):
        repository(HF, Client(read_access({"HF_ENDPOINT": url}), stall=2.0))
    assert len(sent) * 105_000 < 3 * MOST_BYTES


def test_deep_nesting() -> None:
    with saying(iter([b"[" * 1_000_000])) as url, pytest.raises(DownloadError, match="no JSON"):
        repository(HF, Client(read_access({"HF_ENDPOINT": url}), stall=2.0))
