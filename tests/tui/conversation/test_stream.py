"""The buffer between a model's pieces and the Markdown widgets: nothing is lost, no block is torn."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it.token import Token

from tui.conversation.stream import TailBuffer, certain_length, finished_length, markdown_parser
from tui.text import printable

BLOCKS = (
    "A paragraph.\nOf two lines.\n",
    "第一段，中文。\n",
    "# Heading\n",
    "Under\n===\n",
    "- one\n- two\n",
    "1. first\n\n2. second\n",
    "1. Run:\n   ```sh\n   ls\n\n   pwd\n   ```\n2. Done\n",
    "* deep\n  * deeper\n\n    more\n",
    "```python\ndef f():\n\n    return '```'\n```\n",
    "~~~\n```\n\n~~~\n",
    "````\n```\n\n```\n````\n",
    "| a | b |\n|---|---|\n| 1 | 二 |\n",
    "> quoted\n> more\n",
    "> ```\n> x\n",
    "---\n",
    "    indented\n\n    code\n",
    "<b>tag</b>\n",
    "👋🏽 **bold** `code` $x^2$\n",
    "家庭 👨‍👩‍👧‍👦 与 é́，**粗体**和`代码`。\n",
    "- 一\n  - 二\n    1. 三\n       > 引用\n- 四\n",
    "- 步骤：\n\n  ```sh\n  ls\n\n  # 不是标题\n  ```\n\n  | 甲 | 乙 |\n  |---|---|\n  | 1 | 2 |\n- 完\n",
    "$$\n\\frac{a}{b}\n- c\n= d\n$$\n",
    "\\[ E = mc^2 \\]\n",
    "其中：\n\\[\na_1 * b\n\\]\n完。\n",
    "$$ 没有结束\n\n",
    "价格 $5 和 $6，\\(a*b*c\\)。\n",
)
GAPS = ("", "\n", "\n\n")
documents = st.lists(st.sampled_from(BLOCKS), max_size=8).flatmap(
    lambda blocks: st.lists(st.sampled_from(GAPS), min_size=len(blocks), max_size=len(blocks)).map(
        lambda gaps: "".join(block + gap for block, gap in zip(blocks, gaps, strict=True))
    )
)
loose_text = st.text(st.sampled_from("ab #-*>`~|1.\n\t:=[]中$\\"), max_size=60)
texts = documents | loose_text | st.tuples(documents, loose_text).map("".join)


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    text = draw(texts)
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return text, [text[i:j] for i, j in zip([0, *places], [*places, len(text)], strict=True)]


def outline(text: str) -> list[tuple[str, str, str, int]]:
    return [(t.type, t.tag, t.content, t.level) for t in _tokens(text)]


def _tokens(text: str) -> list[Token]:
    return markdown_parser().parse(text)


def run(pieces: list[str]) -> list[str]:
    buffer = TailBuffer()
    taken = []
    for piece in pieces:
        buffer.feed(piece)
        taken.append(buffer.take())
    return [*taken, buffer.take_all()]


@settings(max_examples=150, deadline=None)
@given(cut_texts())
def test_all_that_was_taken_is_the_whole_text(cut: tuple[str, list[str]]) -> None:
    text, pieces = cut
    assert "".join(run(pieces)) == text


@settings(max_examples=150, deadline=None)
@given(cut_texts())
def test_the_parts_are_the_blocks_of_the_whole(cut: tuple[str, list[str]]) -> None:
    text, pieces = cut
    parts = run(pieces)
    assert [line for part in parts for line in outline(part)] == outline(text)


@settings(max_examples=150, deadline=None)
@given(texts, texts)
def test_what_is_finished_stays_so_whatever_follows(text: str, more: str) -> None:
    finished = text[: finished_length(text[: certain_length(text)])]
    assert outline(finished) == outline(text + more)[: len(outline(finished))]


@pytest.mark.parametrize("seed", range(4))
def test_thousands_of_splits_of_long_answers(seed: int) -> None:
    chosen = random.Random(seed)
    for _ in range(50):
        text = "".join(block + chosen.choice(GAPS) for block in chosen.choices(BLOCKS, k=chosen.randint(1, 6)))
        whole = outline(text)
        for _ in range(10):
            places = sorted(chosen.randint(0, len(text)) for _ in range(chosen.randint(0, 12)))
            parts = run([text[i:j] for i, j in zip([0, *places], [*places, len(text)], strict=True)])
            assert "".join(parts) == text
            assert [line for part in parts for line in outline(part)] == whole


@pytest.mark.parametrize("seed", range(4))
def test_an_answer_may_come_letter_by_letter(seed: int) -> None:
    chosen = random.Random(seed)
    text = "".join(block + chosen.choice(GAPS) for block in chosen.sample(BLOCKS, k=len(BLOCKS)))
    assert [line for part in run(list(text)) for line in outline(part)] == outline(text)


def shown(text: str) -> str:
    """A paragraph's letters as they are drawn."""
    (inline,) = (token for token in markdown_parser().parse(text) if token.type == "inline")
    return "".join("\n" if child.type == "hardbreak" else child.content for child in inline.children or ())


@pytest.mark.parametrize(
    "text",
    [
        "$a*b*c$",
        "$x_1$ 和 $x_2$，$y_1$",
        r"\(a*b*c_{1}\) and \(\{x\}\)",
        r"$$\alpha_i * \beta_i$$ is it",
        r"\[x_1 * x_2 * x_3\] 在这里",
        "$5 and $6",
        r"a price of $5, or $6 *",
    ],
)
def test_maths_is_left_as_it_was_written(text: str) -> None:
    assert shown(text) == text


def test_what_is_no_maths_is_markdown() -> None:
    assert shown("$5 *and* $6") == "$5 and $6"
    assert shown(r"\* $ a *b* $") == "* $ a b $"


@pytest.mark.parametrize("block", ["$$\n\\frac{a}{b}\n- c\n= d\n$$\n", "\\[\nx\n\\]\n", "$$ x + y $$\n", "\\[ x \\]\n"])
def test_a_formula_of_its_own_is_one_block(block: str) -> None:
    (token,) = markdown_parser().parse(block)
    assert (token.type, token.content) == ("math_block", block)
    assert finished_length(block) == len(block)
    kinds = [token.type for token in markdown_parser().parse(f"so:\n{block}then") if token.level == 0]
    assert kinds == ["paragraph_open", "paragraph_close", "math_block", "paragraph_open", "paragraph_close"]


def test_a_sign_that_is_never_closed_takes_one_paragraph() -> None:
    text = "$$ is what I want\n\n# Title\n"
    assert [token.type for token in markdown_parser().parse(text)][:2] == ["math_block", "heading_open"]


def test_a_fence_is_never_torn() -> None:
    fence = "```python\nx = 1\n\n# not a heading\n\n- no list\n```\n"
    parts = [part for part in run(list("Before\n\n" + fence + "after")) if part]
    assert parts == ["Before\n\n", fence, "after"]


def test_a_list_is_taken_once_and_whole() -> None:
    parts = [part for part in run(list("- a\n\n- b\n\n- c\n\nThen")) if part]
    assert parts == ["- a\n\n- b\n\n- c\n\n", "Then"]


def test_line_breaks_are_kept_and_tags_are_text() -> None:
    (inline,) = (token for token in markdown_parser().parse("one\n<b>two") if token.children)
    assert [(child.type, child.content) for child in inline.children or ()] == [
        ("text", "one"),
        ("hardbreak", ""),
        ("text", "<b>two"),
    ]


def test_a_paragraph_is_finished_by_an_empty_line() -> None:
    assert finished_length("word\n") == 0
    assert finished_length("word\n\n") == len("word\n\n")


@given(st.text(max_size=40), st.integers(0, 40))
def test_printable_text_has_one_kind_of_line_and_no_controls(text: str, cut: int) -> None:
    safe = printable(text)
    assert safe == printable(text[:cut]) + printable(text[cut:])
    assert safe.splitlines() == (safe[:-1] if safe.endswith("\n") else safe).split("\n") or not safe
    assert not any(ord(c) < 32 and c not in "\t\n" for c in safe)
    assert "\x1b" not in safe
    safe.encode()


def test_ordinary_text_stays_as_it_is() -> None:
    assert printable("half \ud83d") == "half \ufffd"
    assert printable("a\tb\r\n中文 👋🏽\n") == "a\tb\n中文 👋🏽\n"
