"""Conversations as files."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoglm_lite.chat.attachments import Attachment, fenced, one_line, with_attachments
from autoglm_lite.chat.branches import open_turns, turns_of
from autoglm_lite.chat.export import Names, as_json, markdown
from autoglm_lite.chat.history import Conversation, History, Message
from autoglm_lite.chat.prompt import Turn

HOSTILE = "</details>\n```\n<script>alert(1)</script>\n# not a heading of ours\n~~~~ `"


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path / "conversations.db") as made:
        yield made


def test_markdown(history: History) -> None:
    made = history.create("m", "Be brief.", "How?", [Attachment("notes <1>.txt", "a\n```\nb")])
    history.add_answer(made.id, "Like this:\n\n```python\nprint(1)", "Hm.", "tiny", "stopped")
    history.add_question(made, "And\nnow?")
    written = markdown(history.get(made.id), open_turns(history, made.id))
    _, when, rest = written.split("\n\n", 2)
    assert written.startswith("# How? · notes <1>.txt\n")
    assert when.startswith("*20")
    assert (
        rest
        == """\
<details>
<summary>System prompt</summary>

```
Be brief.
```

</details>

## You

<details>
<summary>notes &lt;1&gt;.txt</summary>

````
a
```
b
````

</details>

How?

## tiny

<details>
<summary>Thinking</summary>

Hm.

</details>

Like this:

```python
print(1)
```

*(stopped)*

## You

And
now?

*(no answer)*
"""
    )
    chinese = markdown(made, open_turns(history, made.id), Names(you="你", thinking="思考", no_answer="没有回答"))
    assert "## 你\n" in chinese
    assert "*(没有回答)*" in chinese


def test_hostile_text_stays_as_it_is_and_opens_nothing() -> None:
    made = Conversation("a-b", "ti\ntle", "m", None, 0.0, 0.0)
    turn = Turn(HOSTILE, HOSTILE, HOSTILE, "complete", "m\n# x")
    written = markdown(made, [turn, Turn("last", "one", state="complete", model="m")])
    assert written.startswith("# ti tle\n")
    assert "## m # x\n" in written
    assert written.count(f"{HOSTILE}\n```") == 2
    # The fold of what was thought ends where it is to end.
    thought = written[written.index("Thinking") :]
    assert thought.index("&lt;/details>") < thought.index("</details>")
    assert written.endswith("## You\n\nlast\n\n## m\n\none\n")


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("```\na", "\n```"),
        ("```\na\n```", ""),
        ("````\n```\n", "\n````"),
        ("~~~ `x`\n", "\n~~~"),
        ("``` `x`", ""),
        ("    ```", ""),
        ("a ```", ""),
        ("  ```\n```` ", ""),
    ],
)
def test_an_open_block_is_closed(text: str, end: str) -> None:
    written = markdown(Conversation("i", "t", "m", None, 0.0, 0.0), [Turn("q", text, state="complete", model="m")])
    assert written.endswith(f"## m\n\n{text}{end}\n")


TEXT = st.text(max_size=40).map(lambda t: t.encode("utf-8", "replace").decode())


@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_json_holds_everything(history: History, said: list[tuple[str, str, str, str]]) -> None:
    made = history.create("m", said[0][0], "first")
    for question, answer, reasoning, name in said:
        history.add_question(made, question, [Attachment(name, answer)])
        history.add_answer(made.id, answer, reasoning, "m", "complete")
        history.add_question(made, answer, instead_of=made.head)
    conversation, messages = history.get(made.id), history.messages(made.id)
    report = json.loads(as_json(conversation, messages))
    assert (report["format"], report["version"]) == ("autoglm-lite conversation", 1)
    assert Conversation(**report["conversation"]) == conversation
    read = [
        Message(**{**one, "attachments": tuple(Attachment(**each) for each in one["attachments"])})
        for one in report["messages"]
    ]
    assert read == messages
    assert turns_of(read, conversation.head) == open_turns(history, made.id)
    assert list(report["messages"][0]) == list(asdict(messages[0]))


@given(st.text(alphabet="`~\n a<"), st.text())
def test_nothing_closes_the_fence_of_an_attachment(text: str, name: str) -> None:
    lines = fenced(text).split("\n")
    fence = lines[0]
    assert set(fence) == {"`"}
    assert lines[-1] == fence
    assert not any(fence in line for line in lines[1:-1])
    assert "\n".join(lines[1:-1]) == text
    assert len(one_line(name).splitlines()) <= 1
    written = with_attachments("question?", [Attachment(name, text)])
    assert written == f"{one_line(name)}:\n{fenced(text)}\n\nquestion?"
