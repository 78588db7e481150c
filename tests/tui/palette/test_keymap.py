"""Keys of one's own: what can be used is used, and each mistake gets one sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tui import toml
from tui.actions import ACTIONS
from tui.palette.keymap import NO_KEY, normal, read_keymap, remapped
from tui.words import ENGLISH

WORDS = ENGLISH.palette


def keys(keymap_of: dict[str, object]) -> dict[str, tuple[str, ...]]:
    return {action.id: action.keys for action in remapped(ACTIONS, keymap_of, WORDS).actions}


def test_every_action_has_a_key_or_a_word_and_no_two_the_same() -> None:
    words = [action.word for action in ACTIONS]
    assert len(set(words)) == len(words)
    assert all(action.keys or action.slash for action in ACTIONS)
    bound = [key for action in ACTIONS if action.bound for key in action.keys]
    assert len(set(bound)) == len(bound)
    usual = remapped(ACTIONS, {}, WORDS)
    assert usual.actions == ACTIONS
    assert usual.remarks == ()
    assert usual.for_textual(ACTIONS) == {}


def test_every_usual_key_can_be_written_in_the_file() -> None:
    for action in ACTIONS:
        for key in action.keys:
            assert normal(key) == key
            assert remapped(ACTIONS, {action.id: list(action.keys)}, WORDS).remarks == (), action.id


def test_keys_are_named_as_people_name_them() -> None:
    assert normal("Ctrl+PgUp") == "ctrl+pageup"
    assert normal("shift+ctrl+x") == "ctrl+shift+x"
    assert normal("Control + K") == "ctrl+k"
    assert normal("F17") == "f17"
    for none in ("ctrl+m", "Ctrl+I", "hyper+x", "ctrl+", "", "ctrl+xy", "ctrl+字"):
        assert normal(none) is None, none


def test_enter_and_ctrl_j_can_change_places() -> None:
    keymap = remapped(ACTIONS, {"send": "ctrl+j", "newline": "enter"}, WORDS)
    assert keymap.remarks == ()
    assert keymap.in_the_box() == {"ctrl+j": "send", "enter": "newline"}


def test_an_action_may_have_several_keys_or_none() -> None:
    keymap = remapped(ACTIONS, {"new": ["f17", "ctrl+b"], "quit": []}, WORDS)
    assert keymap.for_textual(ACTIONS) == {"new_conversation": "f17,ctrl+b", "quit": NO_KEY}
    assert keymap.remarks == ()


def test_a_key_given_twice_is_the_first_one_s() -> None:
    keymap = remapped(ACTIONS, {"quit": "f17", "new_conversation": ["f17", "f18"]}, WORDS)
    by_id = {action.id: action.keys for action in keymap.actions}
    assert (by_id["quit"], by_id["new_conversation"]) == (("f17",), ("f18",))
    assert keymap.remarks == ("keys.toml gives F17 to quit, so new_conversation does not have it.",)


def test_the_usual_owner_of_a_key_loses_it() -> None:
    keymap = remapped(ACTIONS, {"quit": "ctrl+n"}, WORDS)
    assert keymap.for_textual(ACTIONS) == {"quit": "ctrl+n", "new_conversation": NO_KEY}
    assert keymap.remarks == ("keys.toml gives Ctrl+N to quit, so new_conversation does not have it.",)


@pytest.mark.parametrize("key", ["x", "shift+x", "up", "enter", "tab", "ctrl+i", 5, None, "ctrl+ctrl"])
def test_a_key_that_is_needed_elsewhere_is_refused(key: object) -> None:
    keymap = remapped(ACTIONS, {"quit": key, "new_conversation": "f17"}, WORDS)
    by_id = {action.id: action.keys for action in keymap.actions}
    assert (by_id["quit"], by_id["new_conversation"]) == (("ctrl+q",), ("f17",))
    assert keymap.remarks == (f"keys.toml gives quit the key {key}, which cannot be used for that.",)


def test_a_list_s_own_keys_change_too() -> None:
    usual = {"j": "next_message", "down": "next_message", "G": "last_message", "slash": "find"}
    keymap = remapped(ACTIONS, {"next_message": ["n", "["], "find": "f17"}, WORDS)
    assert keymap.remarks == ()
    assert keymap.over(usual, ACTIONS) == {
        "G": "last_message",
        "slash": "find",
        "n": "next_message",
        "left_square_bracket": "next_message",
    }


def test_what_names_a_key_names_the_one_that_holds() -> None:
    usual, changed = (remapped(ACTIONS, wishes, WORDS) for wishes in ({}, {"get": "F11", "interrupt": []}))
    assert (usual.key_of("take_offer"), usual.key_of("interrupt")) == ("F5", "Ctrl+C")
    assert (usual.key_of("find_next"), usual.key_of("find_previous")) == ("n", "N")
    assert (changed.key_of("take_offer"), changed.key_of("interrupt")) == ("F11", "/interrupt")


def test_a_file_with_mistakes_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    assert read_keymap(path, ACTIONS, WORDS).remarks == ()
    path.write_text('fly = "f17"\nquit = "f18"\n')
    keymap = read_keymap(path, ACTIONS, WORDS)
    assert keymap.for_textual(ACTIONS) == {"quit": "f18"}
    assert keymap.remarks == ("keys.toml names fly, which is no action: type / to see them.",)
    for broken in (b"quit = ", b"\xff\xfe"):
        path.write_bytes(broken)
        keymap = read_keymap(path, ACTIONS, WORDS)
        assert keymap.actions == ACTIONS
        (remark,) = keymap.remarks
        assert str(path) in remark


def test_the_example_in_the_documentation_is_right() -> None:
    text = Path("docs/terminal-app.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(# keys\.toml.*?)```", text, re.DOTALL)
    assert remapped(ACTIONS, toml.loads(example), WORDS).remarks == ()
