"""What is said of a model far away before a byte of its weights is fetched, by `plan` and to whoever gets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from autoglm_lite.cli import main
from autoglm_lite.commands import bandwidth, devices
from autoglm_lite.commands.prospect import Prospect, disk_bytes, prospect, prospect_of
from autoglm_lite.errors import ModelFileError, UsageError
from autoglm_lite.gguf import read_facts
from autoglm_lite.gguf.facts import ModelFacts
from autoglm_lite.planning.make import Wishes
from autoglm_lite.planning.retyped import retyped
from autoglm_lite.store.choosing import Candidate, candidates
from autoglm_lite.store.hub.access import read_access
from autoglm_lite.store.hub.client import Client
from autoglm_lite.store.hub.listing import repository
from autoglm_lite.store.hub.repository import HubFile, Repository
from autoglm_lite.store.models import models_dir, starter_path
from autoglm_lite.store.reference import HubReference
from tests.gguf.embedders import bert
from tests.gguf.splitting import split
from tests.gguf.tiny import U32, llama, single
from tests.planning.models import GB, MB, QWEN_TENSORS, machine
from tests.store.hub import FakeHub, serving
from tests.store.test_preferring import SIZES

REPO = "org/Small-GGUF"
STARTER = starter_path().read_bytes()

On = Callable[[float, float], None]


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> On:
    """Has the machine be one with so many bytes of free memory, which it reads so fast."""

    def be(free: float, speed: float) -> None:
        monkeypatch.setattr(devices, "machine_with_devices", lambda *_: machine(free))
        monkeypatch.setattr(bandwidth, "memory_bandwidth_apart", lambda *_: speed)

    return be


QWEN = Repository(
    HubReference("hf", "Qwen/Qwen2.5-1.5B-Instruct-GGUF"),
    "0" * 40,
    tuple(HubFile(f"qwen2.5-1.5b-instruct-{name.lower()}.gguf", size * MB, None) for name, size in SIZES.items()),
)


def of_qwen(asked: str | None = None) -> tuple[Prospect, list[str]]:
    """And of which files the header was read."""
    found, looked = candidates(QWEN), []

    def look(candidate: Candidate) -> ModelFacts:
        looked.append(candidate.type)
        return retyped(QWEN_TENSORS, candidate.n_bytes, candidate.type)

    taken = next((one for one in found if one.type == asked), None)
    return prospect_of(found, taken, look, Wishes()), looked


def test_the_choice_is_explained(on: On) -> None:
    on(3.1 * GB, 11 * GB)
    found, looked = of_qwen()
    assert " ".join(found.sentences) == (
        "Q4_K_M, 986 MB: the usual choice; better types would write slowly here, or leave other programs little"
        " memory. It will take 1.2 GB of the 3.1 GB of memory that are free, with a context of 4,096 tokens; about 11"
        " tokens a second."
    )
    assert looked == ["Q4_K_M"]
    assert (found.fits, found.instead, found.needed) == (True, None, 986 * MB)


def test_one_header_is_enough_for_all_types(on: On) -> None:
    on(8 * GB, 60 * GB)
    found, looked = of_qwen()
    assert (found.candidate.type, found.facts.file_type, found.facts.file_bytes) == ("Q8_0", "Q8_0", 1647 * MB)
    assert looked == ["Q4_K_M"]
    on(0.95 * GB, 60 * GB)
    found, looked = of_qwen()
    assert (found.candidate.type, looked) == ("Q2_K", ["Q2_K"])
    assert found.sentences[1].startswith("With 2.6 bits for most weights it answers much worse")


def test_what_was_asked_for_is_judged_and_what_would_fit_instead_is_named(on: On) -> None:
    on(1.5 * GB, 12 * GB)
    found, looked = of_qwen("Q8_0")
    assert (found.candidate.type, found.fits, looked) == ("Q8_0", False, ["Q8_0"])
    assert " ".join(found.sentences) == (
        "Q8_0, 1.6 GB, will not fit: it needs about 1.8 GB of memory, and 1.5 GB are free: it would be read from the"
        " disk for each word, very slowly."
    )
    assert found.instead == "Q4_K_M, 986 MB, of the same model would fit: ask for :Q4_K_M."


def test_where_no_type_fits_a_smaller_model_is_named(on: On) -> None:
    on(0.6 * GB, 12 * GB)
    found, _ = of_qwen()
    assert (found.candidate.type, found.verdict) == ("Q2_K", "wont-fit")
    assert found.instead is not None
    assert found.instead.startswith("No type of Qwen2.5 1.5B that is there fits: close other programs, or take a")
    assert ", such as " in found.instead
    on(0.05 * GB, 12 * GB)
    assert of_qwen()[0].instead == (
        "No type of Qwen2.5 1.5B that is there fits: close other programs, or take a smaller model."
    )


def of(hub: FakeHub, type_: str | None = None, file: str | None = None, repo: str = REPO) -> Prospect:
    reference = HubReference("hf", repo, file, type_)
    client = Client(read_access(hub.environ), stall=1)
    return prospect(repository(reference, client), reference, client, Wishes())


def small(**more: bytes) -> FakeHub:
    files = {"Small-Q8_0.gguf": STARTER, "Small-Q4_K_M.gguf": STARTER, "README.md": b"# Small"}
    return FakeHub({REPO: {**files, **more}}, licences={REPO: "apache-2.0"})


def test_of_a_hub_only_a_header_comes(on: On) -> None:
    on(3 * GB, 12 * GB)
    with serving(small(**{"mmproj-Small-f16.gguf": bytes(1000)})) as hub:
        found = of(hub)
        assert str(found.facts.path) == f"hf:{REPO}/Small-Q8_0.gguf"
        assert found.mmproj is not None
        assert found.mmproj.path == "mmproj-Small-f16.gguf"
        assert found.sentences[-2:] == (
            "What sees pictures for it comes along, 0 MB.",
            "Its licence is apache-2.0.",
        )
        assert found.needed == len(STARTER) + 1000
        assert len({asked.file for asked in hub.asked if asked.file}) == 1
        assert of(hub, "Q4_K_M").sentences[0].startswith("Q4_K_M, 4 MB: as you asked.")
        assert of(hub, file="Small-Q8_0.gguf").candidate.type == "Q8_0"
        with pytest.raises(UsageError, match=r"org/Small-GGUF has no Q6_K: there are Q4_K_M, Q8_0\."):
            of(hub, "Q6_K")


def test_a_split_model_is_judged_as_a_whole(on: On) -> None:
    on(3 * GB, 12 * GB)
    n_tensors = len(read_facts(starter_path()).tensors)
    parts = split(STARTER, [4, n_tensors - 4])
    files = {f"Small-F16-0000{no}-of-00002.gguf": part for no, part in enumerate(parts, 1)}
    with serving(FakeHub({REPO: files})) as hub:
        found = of(hub)
    assert found.facts.n_params == read_facts(starter_path()).n_params
    assert found.needed == sum(map(len, parts)) + max(map(len, parts)) == disk_bytes(found.candidate, None)
    assert found.sentences[-1] == "Its page names no licence."


def test_what_cannot_run_is_refused_before_it_comes(on: On) -> None:
    on(3 * GB, 12 * GB)
    broken = llama()
    broken.put(single("llama.block_count", U32, 5))
    refused = r"^hf:org/Small-GGUF/Small-Q8_0.gguf cannot be used: 3 of its 5 layers"
    broken_there = FakeHub({REPO: {"Small-Q8_0.gguf": broken.encode()}})
    with serving(broken_there) as hub, pytest.raises(ModelFileError, match=refused):
        of(hub)
    with serving(FakeHub({REPO: {"e-F16.gguf": bert().encode()}})) as hub:
        assert "with texts of usual length" in of(hub).sentences[0]


def plan(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["plan", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_plan_takes_a_reference(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(small()) as hub:
        for name, value in hub.environ.items():
            monkeypatch.setenv(name, value)
        code, out, err = plan(capsys, f"hf:{REPO}:Q4_K_M", "--memory", "2GB")
        assert code == 0
        assert out.startswith("autoglm-lite starter, Q8_0, a file of 4 MB\nFits: ")
        assert err.startswith("autoglm-lite: Q4_K_M, 4 MB: as you asked. It will take ")
        code, out, err = plan(capsys, f"hf:{REPO}", "--memory", "20MB", "--json")
        found = json.loads(out)
        assert (code, found["verdict"], found["path"]) == (1, "wont-fit", f"hf:{REPO}/Small-Q4_K_M.gguf")
        commands = [one["command"] for one in found["suggestions"] if one["command"]]
        assert commands
        assert all(command.startswith(f"autoglm-lite plan hf:{REPO}/Small-Q4_K_M.gguf ") for command in commands)
        assert found["suggestions"][-1]["what"].startswith("No type of autoglm-lite starter that is there fits")
        code, _, err = plan(capsys, "hf:org/nothing")
        assert code == 1
        assert "127.0.0.1 has no org/nothing" in err
        assert not models_dir().exists()
        # One that is stored is what is meant by its name.
        hub.asked.clear()
        models_dir().mkdir(parents=True)
        (models_dir() / "glm-edge-1.5b.gguf").write_bytes(STARTER)
        assert plan(capsys, "glm-edge-1.5b", "--memory", "2GB")[0] == 0
        assert hub.asked == []
        (models_dir() / "glm-edge-1.5b.gguf").unlink()
        assert "127.0.0.1 has no zai-org/glm-edge-1.5b-chat-gguf" in plan(capsys, "glm-edge-1.5b")[2]


def test_paths_stay_paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = plan(capsys, str(tmp_path / "none.gguf"))
    assert (code, err) == (1, f"autoglm-lite: There is no file {tmp_path / 'none.gguf'}; check the path.\n")
