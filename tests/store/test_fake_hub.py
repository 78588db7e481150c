"""That the hub which tests use answers as the real ones do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

import pytest

from tests.store.hub import FakeHub, serving
from tests.store.hub.fake import GOOD_TOKEN, sha256

LARGE, SMALL = bytes(range(256)) * 400, b'{"model_type": "llama"}'


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    files = {"model-Q4_0.gguf": LARGE, "config.json": SMALL, "sub/README.md": b"#"}
    known = FakeHub({"org/repo": files, "org/gated": files, "org/private": files}, licences={"org/repo": "mit"})
    known.gated, known.private, known.renamed = {"org/gated"}, {"org/private"}, {"old/name": "org/repo"}
    with serving(known) as found:
        yield found


def get(address: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Without following redirects."""

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    wanted = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with build_opener(Stay).open(Request(address, headers=wanted)) as response:
            return response.status, dict(response.headers), response.read()
    except HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_large_files_lie_elsewhere_for_a_while(hub: FakeHub) -> None:
    status, headers, _ = get(f"{hub.url}/org/repo/resolve/main/model-Q4_0.gguf")
    assert (status, headers["X-Linked-Size"]) == (302, str(len(LARGE)))
    assert headers["X-Linked-Etag"] == f'"{sha256(LARGE)}"'
    there = headers["Location"]
    assert there.startswith(hub.store_url)
    status, headers, body = get(there, Range="bytes=7-9")
    assert (status, headers["Content-Range"], body) == (206, f"bytes 7-9/{len(LARGE)}", LARGE[7:10])
    assert get(there, Range="bytes=7-9", If_Range='"another"')[2] == LARGE
    assert get(there, Range="bytes=-3")[2] == LARGE[-3:]
    assert get(there, Range=f"bytes={len(LARGE)}-")[0] == 416
    hub.expire()
    assert get(there)[0] == 403
    assert hub.ranges("org/repo/model-Q4_0.gguf")[0] == "bytes=7-9"
    assert hub.given["org/repo/model-Q4_0.gguf"] == 3 + len(LARGE) + 3


def test_small_files_come_from_the_hub(hub: FakeHub) -> None:
    assert get(f"{hub.url}/org/repo/resolve/main/config.json")[0] == 307
    with urlopen(f"{hub.url}/org/repo/resolve/main/config.json") as response:
        assert response.read() == SMALL
    assert get(f"{hub.ms_url}/models/org/repo/resolve/master/config.json", Range="bytes=3-")[::2] == (200, SMALL)


def test_what_is_refused_says_why(hub: FakeHub) -> None:
    token = {"Authorization": f"Bearer {GOOD_TOKEN}"}
    codes = {
        "org/nothing/resolve/main/a": (401, "RepoNotFound"),
        "org/repo/resolve/main/a": (404, "EntryNotFound"),
        "org/repo/resolve/branch/config.json": (404, "RevisionNotFound"),
        "org/gated/resolve/main/model-Q4_0.gguf": (401, "GatedRepo"),
        "org/private/resolve/main/model-Q4_0.gguf": (401, "RepoNotFound"),
        "api/models/org/private": (401, "RepoNotFound"),
    }
    for path, expected in codes.items():
        status, headers, _ = get(f"{hub.url}/{path}")
        assert (status, headers["X-Error-Code"]) == expected
    assert get(f"{hub.url}/org/gated/resolve/main/model-Q4_0.gguf", **token)[0] == 403
    hub.agreed = {"org/gated"}
    assert get(f"{hub.url}/org/gated/resolve/main/model-Q4_0.gguf", **token)[0] == 302
    assert get(f"{hub.url}/org/nothing/resolve/main/a", **token)[0] == 404
    assert get(f"{hub.url}/api/models/org/repo", Authorization="Bearer bad")[0] == 401
    assert get(f"{hub.url}/api/models/old/name")[1]["Location"] == "/api/models/org/repo"


def test_both_list_a_repository(hub: FakeHub) -> None:
    told = json.loads(get(f"{hub.url}/api/models/org/repo?blobs=true")[2])
    assert told["siblings"][0]["lfs"]["sha256"] == sha256(LARGE)
    assert (told["cardData"], "lfs" in told["siblings"][1]) == ({"license": "mit"}, False)
    hub.per_page = 3
    _, headers, body = get(f"{hub.url}/api/models/org/repo/tree/main?recursive=true")
    assert [entry["path"] for entry in json.loads(body)] == ["model-Q4_0.gguf", "config.json", "sub"]
    there = headers["Link"].removeprefix("<").partition(">")[0]
    assert [entry["path"] for entry in json.loads(get(there)[2])] == ["sub/README.md"]
    told = json.loads(get(f"{hub.ms_url}/api/v1/models/org/repo/repo/files?Revision=master&Recursive=True")[2])
    assert [entry["Type"] for entry in told["Data"]["Files"]] == ["blob", "blob", "tree", "blob"]
    assert json.loads(get(f"{hub.ms_url}/api/v1/models/org/repo")[2])["Data"]["License"] == "mit"


def test_faults_befall_the_next_request_of_their_place(hub: FakeHub) -> None:
    hub.faults = ["api 503", "429", "wrong", "hub 500"]
    assert get(f"{hub.url}/org/repo/resolve/main/model-Q4_0.gguf")[0] == 500
    there = get(f"{hub.url}/org/repo/resolve/main/model-Q4_0.gguf")[1]["Location"]
    assert [get(there)[0] for _ in range(2)] == [429, 200]
    assert hub.faults == ["api 503"]
    assert get(there)[2] == LARGE
    assert get(f"{hub.ms_url}/api/v1/models/org/repo")[0] == 503
