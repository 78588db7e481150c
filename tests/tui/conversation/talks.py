"""Conversations that the tests of this part find on disk."""

from __future__ import annotations

from pathlib import Path

from autoglm_lite.chat.history import Conversation, History

ANSWER = """Here is **how**: see [the manual](https://example.org/a?b=1) or <https://example.org/二>.

```python
print("one")
```

Then:

1. first
   ```sh
   echo two
   ```
2. done

| 甲 | b |
|---|---|
| 西瓜 | pear |
"""


def talk(history: History, model: Path, *turns: tuple[str, str], reasoning: str = "") -> Conversation:
    """With these questions and answers."""
    conversation = history.create(str(model), None, turns[0][0])
    for number, (question, answer) in enumerate(turns):
        if number:
            history.add_question(conversation, question)
        history.add_answer(conversation.id, answer, reasoning, "stories", "complete")
    found = history.get(conversation.id)
    assert found is not None
    return found
