"""Conversations get titles by themselves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite.chat.attachments import Attachment
from autoglm_lite.chat.titles import TITLE_COLUMNS, is_greeting, title_of, width


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("\n  \n  Why   is\tthat?  \nBecause", "Why is that?"),
        ("", ""),
        ("   \n```\n```\n...", ""),
        ("字" * 80, "字" * 29 + "…"),
        ("Hi there! Can you please explain how a lock works? I have never understood it.", "Explain how a lock works?"),
        ("Hello", "Hello"),
        ("Hello!\n\nHow do I cook rice?", "How do I cook rice?"),
        ("你好，请问怎么煮米饭？我用的是电饭锅。", "怎么煮米饭？"),
        ("你好", "你好"),
        ("你好呀！\n帮我写一封辞职信，语气要委婉。", "写一封辞职信，语气要委婉"),
        ("Highlight the words", "Highlight the words"),
        ("# Plan for **today**\nfirst", "Plan for today"),
        ("```python\nprint(1)\n```\nWhat does this do?", "What does this do?"),
        ("```python\nprint(1)\n```", "python"),
        ("Read /home/me/texts/notes.txt and sum up.", "Read notes.txt and sum up"),
        ("see https://www.example.org/a/b?c=d", "see example.org"),
        ("a and/or b, 1/2 of it", "a and/or b, 1/2 of it"),
        ("Write a long letter to my landlord about the heating, which has not worked for three weeks now", None),
        ("请根据下面的要求帮我写一份详细的项目计划书，包括背景、目标、时间安排、预算以及风险分析，字数不限", None),
        ("e.g. this one. And more of it.", "e.g. this one"),
        ("👩‍👩‍👧" * 30, None),
        ("\x1b[31mred\x07\u202e text", "[31mred text"),
    ],
)
def test_titles(text: str, title: str | None) -> None:
    assert width(title_of(text)) <= TITLE_COLUMNS
    if title is None:
        print(title_of(text))
    else:
        assert title_of(text) == title


@pytest.mark.parametrize(
    "text", ["Hello", "hi!", "Good morning, hello there", "你好", "您好！", "Hey, 你好～", "你好 👋"]
)
def test_greetings(text: str) -> None:
    assert is_greeting(text)


@pytest.mark.parametrize("text", ["", "Hi Bob is a song", "history", "你好吗", "Hey Jude"])
def test_what_is_no_greeting(text: str) -> None:
    assert not is_greeting(text)


def test_attachments_are_named() -> None:
    one = [Attachment("报告.txt", "text"), Attachment("other", "")]
    assert title_of("Sum this up.", one) == "Sum this up · 报告.txt"
    assert title_of("What is in 报告.txt?", one) == "What is in 报告.txt?"
    assert title_of("", one) == "报告.txt"
    assert title_of("x" * 55, one) == "x" * 55


TEXTS = st.text() | st.lists(
    st.sampled_from(
        [
            "Hello",
            "你好，",
            "请",
            "Please ",
            "```",
            "\n",
            " ",
            "a/b",
            "/etc/passwd",
            "# ",
            "word ",
            "字",
            "。",
            ". ",
            "👩‍👧",
            "é",
            "1.",
        ]
    )
).map("".join)


@given(TEXTS)
@settings(max_examples=300)
def test_any_text(text: str) -> None:
    title = title_of(text)
    assert width(title) <= TITLE_COLUMNS
    assert title == " ".join(title.split())
    assert all(c.isprintable() or c == "\u200d" for c in title)
    if any(c.isalnum() and c.isascii() for c in text):
        assert title
