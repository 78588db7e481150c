"""`autoglm-lite tune` as a user runs it, with the real worker, and what `plan` and `chat` make of it."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autoglm_lite.chat.history import History
from autoglm_lite.cli import build_parser, main
from autoglm_lite.commands.chat import prepare
from autoglm_lite.gguf.facts import read_facts
from autoglm_lite.hardware.machine import read_machine
from autoglm_lite.paths import data_dir
from autoglm_lite.planning.preferences import Values
from autoglm_lite.store import starter_path
from autoglm_lite.tune.tuned import Tuned, identity, load, save, tuned_path
from autoglm_lite.tune.turn import Speed
from autoglm_lite.worker.backend import LocalBackend

VALUES = Values(kv_type="f16", threads=1, threads_batch=1, n_ubatch=64, repack=True, flash_attention=False)
TUNED = Tuned(VALUES, ("n_ubatch", "flash_attention"), Speed(0.002, 0.02), Speed(0.001, 0.01))
KEYS = {"prefill_tokens_per_second", "decode_tokens_per_second", "turn_seconds"}


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def keep(tuned: Tuned) -> Path:
    return save(identity(read_facts(starter_path()), read_machine()), tuned)


def test_the_starter_is_tuned_in_the_real_worker(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "tune", "--budget", "4", "--json")
    found = json.loads(out)
    assert code == 0
    assert set(found["usual"]) == set(found["tuned"]) == KEYS
    assert found["usual"]["turn_seconds"] > 0
    assert found["measurements"] >= 1
    assert set(found["decided"]) <= set(found["values"])
    stored = load(identity(read_facts(starter_path()), read_machine()))
    assert stored is not None
    assert list(stored.decided) == found["decided"]
    assert Path(found["stored"]).is_file()
    code, out, _ = run(capsys, "plan", "--json")
    plan = json.loads(out)
    assert (code, plan["tuned"]) == (0, True)
    assert plan["expected"]["decode_tokens_per_second"] == found["tuned"]["decode_tokens_per_second"]
    assert {name: plan[name] for name in found["values"]} == found["values"]


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "tune", "--budget", "1")
    assert code == 0
    assert "seconds for a turn" in out
    assert "A turn reads 512 tokens and writes 128." in out
    assert str(data_dir() / "tuned") in out
    assert "\x1b" not in out + err


@pytest.mark.slow
def test_an_interrupt_stores_nothing(home: Path) -> None:
    command = [sys.executable, "-m", "autoglm_lite", "tune", "--budget", "500"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    # It tells how far it is every few seconds.
    assert "tuning" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert not (home / "data" / "tuned").exists()


def test_plan_says_tuned(capsys: pytest.CaptureFixture[str]) -> None:
    keep(TUNED)
    found = json.loads(run(capsys, "plan", "--json")[1])
    assert (found["tuned"], found["n_ubatch"], found["flash_attention"]) == (True, 64, False)
    assert (found["origins"]["n_ubatch"], found["origins"]["threads"]) == ("tuned", "rule")
    speeds = {"prefill_tokens_per_second": 1000.0, "decode_tokens_per_second": 100.0, "first_token_seconds": 0.5}
    assert found["expected"] == {**speeds, "load_seconds": None}
    page = run(capsys, "plan")[1]
    assert "- Micro-batch of 64 tokens: tuned on this machine." in page
    assert "- Flash attention off: tuned on this machine." in page


def test_chat_takes_what_was_tuned(tmp_path: Path) -> None:
    keep(TUNED)
    with History(tmp_path / "h.db") as history:
        setup, model = prepare(chat_arguments("--threads", "2"), history, None)
        assert setup.template is not None
        setup.template.close()
    assert isinstance(model, LocalBackend)
    assert (model.plan.n_ubatch, model.plan.flash_attention, model.plan.threads) == (64, False, 2)


def chat_arguments(*more: str) -> argparse.Namespace:
    return build_parser("chat").parse_args(["chat", *more])


def test_what_is_damaged_is_passed_over_with_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    path = keep(TUNED)
    path.write_text("{")
    code, out, err = run(capsys, "plan", "--json")
    assert (code, json.loads(out)["tuned"]) == (0, False)
    assert err == f"autoglm-lite: What was tuned is damaged and is not used; tune again, or delete {path}.\n"


@pytest.mark.parametrize("budget", ["0", "-3", "nan", "x", "100000"])
def test_a_budget_that_makes_no_sense(budget: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["tune", "--budget", budget])
    assert caught.value.code == 2
    assert "give a number of seconds" in capsys.readouterr().err


def test_what_does_not_fit_is_not_tuned(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "tune", "--memory", "20MB")
    assert code == 1
    assert "needs about" in err
    assert not tuned_path({}).parent.exists()


def test_a_profile_that_is_named_comes_before_what_was_tuned(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    keep(TUNED)
    profile = home / "mine.toml"
    profile.write_text("n_ubatch = 32\n[saving]\nthreads = 1\nnice = 7\n")
    found = json.loads(run(capsys, "plan", "--json", "--profile", str(profile))[1])
    assert (found["profile"], found["n_ubatch"], found["origins"]["n_ubatch"]) == ("mine", 32, "profile")
    assert found["origins"]["flash_attention"] == "tuned"
    assert found["saving"] == {"threads": 1, "nice": 7}


def test_the_users_own_file_comes_after_what_was_tuned(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    keep(TUNED)
    (home / "config").mkdir()
    (home / "config" / "profile.toml").write_text("n_ubatch = 32\nctx = 300\n")
    found = json.loads(run(capsys, "plan", "--json")[1])
    assert (found["n_ubatch"], found["origins"]["n_ubatch"]) == (64, "tuned")
    assert (found["n_ctx"], found["origins"]["n_ctx"]) == (300, "own")
    assert "Context of 300 tokens: as your profile.toml says." in found["reasons"]
    found = json.loads(run(capsys, "plan", "--json", "--ctx", "400")[1])
    assert (found["n_ctx"], found["origins"]["n_ctx"]) == (400, "asked")


def test_a_mistake_in_the_users_own_file_is_told_with_its_line(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    path = home / "config" / "profile.toml"
    path.parent.mkdir(parents=True)
    path.write_text("# mine\nctx = 300\n\nn_ubtach = 32\n")
    code, out, err = run(capsys, "plan", "--json")
    assert (code, out) == (1, "")
    assert err == f"autoglm-lite: {path}, line 4: n_ubtach is not known here; perhaps n_ubatch is meant.\n"


def test_a_profile_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "plan", "--profile", "laptop")
    assert code == 2
    assert "There is no profile called laptop: use battery-saver, laptop-4gb" in err
    code, _, err = run(capsys, "plan", "--profile", "no/such.toml")
    assert code == 1
    assert "There is no file no/such.toml" in err
