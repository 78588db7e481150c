"""Getting a file from a hub that cuts, lies, stalls and refuses."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from autoglm_lite.errors import UsageError
from autoglm_lite.store.download import PARTIAL, Fetch, Source, work
from autoglm_lite.store.hub.access import read_access
from autoglm_lite.store.hub.client import Client
from autoglm_lite.store.hub.failures import DownloadError
from tests.store.download.driving import (
    CONTENT,
    FILE,
    NAME,
    QUICK,
    REPO,
    asked_again,
    fetching,
    kept,
    note_in,
    noted,
    sha256,
    source_of,
)
from tests.store.hub import FakeHub

N_BYTES = len(CONTENT)


def test_a_file_comes_whole_in_several_ranges_with_one_question_to_the_hub(hub: FakeHub, folder: Path) -> None:
    fetch = fetching(hub, folder)
    path = fetch.run()
    assert path == folder / NAME
    assert path.read_bytes() == CONTENT
    assert (fetch.found and fetch.found.sha256, fetch.checked) == (sha256(CONTENT), True)
    assert fetch.progress.state == "done"
    assert hub.count("hub") == 1
    assert hub.given[f"{REPO}/{FILE}"] == N_BYTES
    assert len(hub.ranges()) == 8
    assert list((folder / PARTIAL).iterdir()) == []
    n_asked = len(hub.asked)
    assert fetching(hub, folder).run() == path
    assert len(hub.asked) == n_asked


def test_a_small_file_is_one_request(hub: FakeHub, folder: Path) -> None:
    hub.repositories[REPO][FILE] = CONTENT[:15_000]
    assert fetching(hub, folder).run()
    assert hub.ranges() == [None]


def test_an_empty_file_needs_none(hub: FakeHub, folder: Path) -> None:
    hub.repositories[REPO]["empty.json"] = b""
    path = fetching(hub, folder, source_of(hub, hub_file="empty.json")).run()
    assert path is not None
    assert path.read_bytes() == b""
    assert hub.asked == []


def test_several_lines_get_it_at_once_and_the_end_is_shared_out(
    hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LEAST_SEGMENT", 20_000)
    monkeypatch.setattr(work, "MOST_SEGMENT", 200_000)
    hub.pace = 0.02
    most = 0
    fetch = fetching(hub, folder)
    thread = threading.Thread(target=fetch.run)
    thread.start()
    while thread.is_alive():
        most = max(most, sum(one.name == "download" and one.is_alive() for one in threading.enumerate()))
        thread.join(0.005)
    assert most == work.LINES
    assert (folder / NAME).read_bytes() == CONTENT
    # Eight of 50,000, and what was taken over from others at the end.
    assert len(hub.ranges()) > 8
    assert asked_again(hub, noted(folder), N_BYTES) == []


def test_each_cut_is_gone_on_from_where_it_was(hub: FakeHub, folder: Path) -> None:
    hub.faults = ["cut", "503", "stall", "hub 502", "hub 429", "mute", "short"]
    path = fetching(hub, folder).run()
    assert path is not None
    assert path.read_bytes() == CONTENT
    assert hub.given[f"{REPO}/{FILE}"] == N_BYTES


def test_an_address_that_expires_in_the_middle_is_asked_for_anew(hub: FakeHub, folder: Path) -> None:
    hub.faults = ["slow", "slow", "expired", "slow", "expired"]
    path = fetching(hub, folder).run()
    assert path is not None
    assert path.read_bytes() == CONTENT
    assert hub.count("hub") >= 2
    assert hub.given[f"{REPO}/{FILE}"] == N_BYTES


def test_what_came_before_is_not_got_again_in_another_run(hub: FakeHub, folder: Path) -> None:
    hub.faults = ["slow", "cut", *["503"] * 9]
    with pytest.raises(DownloadError, match="try again later; what came is kept"):
        fetching(hub, folder).run()
    assert not (folder / NAME).exists()
    before = noted(folder)
    assert 30_000 < before.n_bytes < N_BYTES
    for begin, end in before:
        assert kept(folder)[begin:end] == CONTENT[begin:end]
    hub.faults.clear()
    hub.asked.clear()
    hub.given.clear()
    assert fetching(hub, folder).run()
    assert asked_again(hub, before, N_BYTES) == []
    assert hub.given[f"{REPO}/{FILE}"] == N_BYTES - before.n_bytes


def test_what_another_mirror_gave_is_gone_on_with(hub: FakeHub, folder: Path) -> None:
    hub.faults = ["slow", *["503"] * 9]
    with pytest.raises(DownloadError):
        fetching(hub, folder).run()
    before = noted(folder)
    hub.faults.clear()
    hub.asked.clear()
    at_modelscope = f"{hub.ms_url}/models/{REPO}/resolve/master/{FILE}"
    assert fetching(hub, folder, Source(at_modelscope, "A Model", N_BYTES, sha256(CONTENT))).run()
    assert before.n_bytes
    assert asked_again(hub, before, N_BYTES) == []


def test_another_file_in_its_place_is_got_from_the_beginning(hub: FakeHub, folder: Path) -> None:
    hub.faults = ["slow", "cut", *["503"] * 9]
    with pytest.raises(DownloadError):
        fetching(hub, folder, source_of(hub, told=False)).run()
    assert noted(folder).n_bytes
    other = CONTENT[:4] + CONTENT[:3:-1]
    hub.repositories[REPO][FILE] = other
    hub.faults.clear()
    path = fetching(hub, folder, source_of(hub, told=False)).run()
    assert path is not None
    assert path.read_bytes() == other


def test_a_hub_that_takes_back_what_its_list_said_is_told(hub: FakeHub, folder: Path) -> None:
    source = source_of(hub)
    hub.repositories[REPO][FILE] = CONTENT + b"more"
    with pytest.raises(DownloadError, match="has another A Model now") as caught:
        fetching(hub, folder, source).run()
    assert caught.value.kind == "changed"
    assert not (folder / NAME).exists()


def test_a_hub_that_lies_about_the_sha256_is_told_at_the_end(hub: FakeHub, folder: Path) -> None:
    hub.lies[f"{REPO}/{FILE}"] = "0" * 64
    with pytest.raises(DownloadError, match="thrown away"):
        fetching(hub, folder, source_of(hub, told=False)).run()
    assert list((folder / PARTIAL).iterdir()) == []
    assert not (folder / NAME).exists()


def test_a_part_that_was_damaged_on_the_disk_is_found(hub: FakeHub, folder: Path) -> None:
    hub.faults = ["slow", "cut", *["503"] * 9]
    with pytest.raises(DownloadError):
        fetching(hub, folder).run()
    part = folder / PARTIAL / f"{NAME}.part"
    part.write_bytes(b"x" + kept(folder)[1:])
    hub.faults.clear()
    with pytest.raises(DownloadError, match="thrown away"):
        fetching(hub, folder).run()
    assert note_in(folder) is None
    path = fetching(hub, folder).run()
    assert path is not None
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        (["hub 401"], "refused"),
        (["hub 403"], "refused"),
        (["hub 404"], "missing"),
        (["404"], "missing"),
        (["403"] * 9, "refused"),
        (["429"] * 9, "busy"),
        (["hub 500"] * 9, "trouble"),
        (["hub circle"] * 9, "trouble"),
        (["hub elsewhere"], "refused"),
        (["wrong"], "wrong"),
        (["lie"] * 9, "trouble"),
        (["416"] * 9, "trouble"),
        (["gzip"] * 9, "trouble"),
        (["page"], "page"),
        (["hub page"], "page"),
        (["mute"] * 9, "connection"),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_nothing_to_see(
    hub: FakeHub, folder: Path, faults: list[str], kind: str
) -> None:
    hub.faults = list(faults)
    with pytest.raises(DownloadError) as caught:
        fetching(hub, folder).run()
    assert caught.value.kind == kind
    assert "\n" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)
    assert [path.name for path in folder.iterdir()] == [PARTIAL]


def test_no_server_at_all(hub: FakeHub, folder: Path) -> None:
    source = Source("http://127.0.0.1:9/a.gguf", "A Model", 10, None)
    with pytest.raises(DownloadError, match=r"The connection to 127.0.0.1 fails \(Connection refused\)"):
        fetching(hub, folder, source).run()


def test_what_is_no_model_is_noticed_at_its_first_bytes(hub: FakeHub, folder: Path) -> None:
    hub.repositories[REPO][FILE] = b"PK\3\4" + CONTENT
    with pytest.raises(DownloadError, match="gives something else instead of A Model"):
        fetching(hub, folder).run()
    assert noted(folder).n_bytes == 0


def test_what_must_be_checked_is_refused_where_nobody_tells_how(hub: FakeHub, folder: Path) -> None:
    hub.faults = ["hub silent"]
    source = source_of(hub, told=False)
    must = Source(source.address, source.label, None, None, must_be_checked=True)
    with pytest.raises(DownloadError, match="does not say how A Model can be checked"):
        fetching(hub, folder, must).run()
    assert noted(folder).n_bytes == 0


def plain(hub: FakeHub) -> Source:
    """An address outside of any hub, with nothing known but the address."""
    from tests.store.hub.signing import signed

    return Source(signed(hub, REPO, FILE), "A Model", None, None)


def test_a_plain_address_is_held_together_by_its_etag(hub: FakeHub, folder: Path) -> None:
    hub.faults = ["slow", "cut", *["503"] * 9]
    with pytest.raises(DownloadError):
        fetching(hub, folder, plain(hub)).run()
    before = noted(folder)
    assert before.n_bytes
    hub.faults.clear()
    hub.asked.clear()
    fetch = fetching(hub, folder, plain(hub))
    path = fetch.run()
    assert path is not None
    assert path.read_bytes() == CONTENT
    assert asked_again(hub, before, N_BYTES) == []
    assert all(one.if_range for one in hub.asked)
    assert (fetch.found and fetch.found.sha256, fetch.checked) == (sha256(CONTENT), False)


def test_another_file_at_a_plain_address_is_got_from_the_beginning(hub: FakeHub, folder: Path) -> None:
    hub.faults = ["slow", "cut", *["503"] * 9]
    with pytest.raises(DownloadError):
        fetching(hub, folder, plain(hub)).run()
    other = CONTENT[:4] + CONTENT[:3:-1]
    hub.repositories[REPO][FILE] = other
    hub.faults.clear()
    path = fetching(hub, folder, plain(hub)).run()
    assert path is not None
    assert path.read_bytes() == other


@pytest.mark.parametrize("shorter", [CONTENT[:1000], CONTENT[:30_000]])
def test_a_shorter_one_too(hub: FakeHub, folder: Path, shorter: bytes) -> None:
    hub.faults = ["slow", "slow", "503", "cut", *["503"] * 9]
    with pytest.raises(DownloadError):
        fetching(hub, folder, plain(hub)).run()
    assert noted(folder).n_bytes > len(shorter)
    hub.repositories[REPO][FILE] = shorter
    hub.faults.clear()
    path = fetching(hub, folder, plain(hub)).run()
    assert path is not None
    assert path.read_bytes() == shorter


def test_without_anything_to_hold_it_together_it_comes_over_one_connection(hub: FakeHub, folder: Path) -> None:
    hub.faults = ["weak"] * 3
    path = fetching(hub, folder, plain(hub)).run()
    assert path is not None
    assert path.read_bytes() == CONTENT
    assert hub.ranges()[-1] is None
    assert len(hub.ranges()) == 2


def test_a_server_that_says_no_length_but_where_the_end_is(hub: FakeHub, folder: Path) -> None:
    source = plain(hub)
    hub.faults = ["weak", "chunked"]
    fetch = fetching(hub, folder, source)
    path = fetch.run()
    assert path is not None
    assert path.read_bytes() == CONTENT
    assert fetch.found is not None
    assert fetch.found.n_bytes == N_BYTES


def test_a_server_without_ranges_is_read_from_the_beginning_and_what_came_later_is_kept(
    hub: FakeHub, folder: Path
) -> None:
    hub.faults = ["slow", "cut", *["503"] * 9]
    with pytest.raises(DownloadError):
        fetching(hub, folder).run()
    before = noted(folder).n_bytes
    hub.faults = ["whole"]
    fetch = fetching(hub, folder)
    path = fetch.run()
    assert before
    assert path is not None
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["../a.gguf", "a/b.gguf", "a\\b.gguf", "", ".", "..", "a\0", "CON", "a\n"])
def test_no_name_leads_out_of_the_folder(hub: FakeHub, folder: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a name"):
        Fetch(source_of(hub), folder, name, Client(read_access({})), QUICK)


def test_a_link_in_place_of_the_part_is_not_followed(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(b"theirs")
    (folder / PARTIAL).mkdir()
    (folder / PARTIAL / f"{NAME}.part").symlink_to(tmp_path / "theirs")
    with pytest.raises(DownloadError, match="cannot be written"):
        fetching(hub, folder).run()
    assert (tmp_path / "theirs").read_bytes() == b"theirs"


def test_whoever_asked_may_finish_it_in_their_own_way(hub: FakeHub, folder: Path) -> None:
    def finish(part: Path) -> None:
        assert part.read_bytes() == CONTENT
        assert fetch.found is not None
        raise RuntimeError(fetch.found.sha256)

    client = Client(read_access(hub.environ))
    fetch = Fetch(source_of(hub), folder, NAME, client, QUICK, finish=finish)
    with pytest.raises(RuntimeError, match=sha256(CONTENT)):
        fetch.run()
    assert noted(folder).n_bytes == N_BYTES
    n_asked = len(hub.asked)
    assert fetching(hub, folder).run()
    assert len(hub.asked) == n_asked
