"""What a conversation is called until its user says otherwise.

Made from the question alone, in no time. Asking the model would be nicer, but at 6 tokens a second that is four seconds
of both cores, just when the person reads the answer or asks on.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from autoglm_lite.chat.attachments import Attachment

TITLE_COLUMNS = 60
"""Of a terminal; a Chinese character takes two."""
LOOKED_AT = 5_000
"""Characters; whoever pastes more before the question is not waited for."""
JOINER = "\u200d"
FENCED = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
MARKS = re.compile(r"^(?:[#>*+|=-]+|\d+[.)])(?:\s+|$)")
ADDRESS = re.compile(r"\bhttps?://(?:www\.)?([^\s/?#]+)[^\s，。）)]*", re.IGNORECASE)
PATH = re.compile(r"(?<![\w:/.~])(?:~|\.{1,2})?(?:/[^\s/'\"`:：，。]+)*/([^\s/'\"`:：，。]+)/?")
GREETING = re.compile(
    r"(?:(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening|day))(?: (?:there|again|all|everyone))?"
    r"|dear (?:assistant|ai|model)|你好|您好|嗨|哈喽|哈啰|大家好|(?:早上|上午|中午|下午|晚上)好|早安|晚安)"
    r"(?:$|[\s,.!?;:~…，。！？；：、～呀啊]+|(?=[\u3400-\u9fff]))",
    re.IGNORECASE,
)
COURTESY = re.compile(
    r"(?:please\s+|(?:can|could|would|will) you (?:please |kindly )?(?=\w)|i (?:would like|want|need) you to\s+"
    r"|请问一下|请问|请你|请您|请帮我|请|麻烦你|麻烦您|麻烦|能不能帮我|能不能|可以帮我|你能帮我|你可以帮我|帮我|帮忙)[\s,，:：]*",
    re.IGNORECASE,
)
SENTENCE_END = re.compile(r"(?<=[。！？])|(?<=\w{2}[.!?])\s")
CLAUSE_ENDS = "，、；：,;:—。！？"
FEWEST_COLUMNS = 8
"""Of a sentence that says enough."""


def title_of(text: str, attachments: Sequence[Attachment] = ()) -> str:
    """The first sentence that says something, without greetings, code, paths and Markdown's marks, in at most 60
    columns of a terminal; empty where there is nothing to read."""
    text = text[:LOOKED_AT]
    prose = _cleaned(FENCED.sub("\n", text))
    code = _cleaned(text.replace("```", " ").replace("~~~", " "))
    lines = [line for line in prose if not is_greeting(line)] or prose or code
    title = _shortened(_first_sentence(lines[0])) if lines else ""
    names = [one for one in (_cleaned(one.name) for one in attachments) if one]
    if names:
        name = names[0][0]
        if not title:
            return _shortened(name)
        if name not in title and width(f"{title} · {name}") <= TITLE_COLUMNS:
            return f"{title} · {name}"
    return title


def is_greeting(text: str) -> bool:
    """Whether it says no more than hello."""
    return GREETING.match(text) is not None and not _says(_without(GREETING, text))


def width(text: str) -> int:
    """Columns of a terminal, as far as that can be known."""
    return sum(_columns(c) for c in text)


def _cleaned(text: str) -> list[str]:
    """The lines that say something, without what only steers or marks."""
    lines = []
    for line in text.splitlines():
        kept = "".join(c if _is_shown(c) else " " if c.isspace() else "" for c in line)
        kept = kept.replace("**", "").replace("`", "")
        line = PATH.sub(r"\1", ADDRESS.sub(r"\1", " ".join(kept.split())))
        plain = _without(MARKS, line)
        line = (plain if _says(plain) else line).strip("*_ ")
        if _says(line) or any(unicodedata.category(c) == "So" for c in line):
            lines.append(line)
    return lines


def _first_sentence(line: str) -> str:
    said = line if is_greeting(line) else _without(GREETING, line)
    plain = _without(COURTESY, said)
    if plain and plain != line:
        said = plain[0].upper() + plain[1:]
    at = 0
    for end in SENTENCE_END.finditer(said):
        at = end.start()
        if width(said[:at]) >= FEWEST_COLUMNS:
            said = said[:at]
            break
    return said.rstrip(" .。,，:：;；、") or said


def _shortened(line: str) -> str:
    if width(line) <= TITLE_COLUMNS:
        return line
    end, columns = 0, 0
    while columns + _columns(line[end]) < TITLE_COLUMNS:
        columns += _columns(line[end])
        end += 1
    # Nothing that belongs to a character before it is parted from it.
    while end and (_columns(line[end]) == 0 or line[end - 1] == JOINER):
        end -= 1
    for n in range(end, end // 2, -1):
        if line[n].isspace() or line[n - 1] in CLAUSE_ENDS:
            end = n
            break
    return line[:end].rstrip(" " + CLAUSE_ENDS) + "…"


def _without(pattern: re.Pattern[str], text: str) -> str:
    """`text` without what `pattern` finds at its beginning, as often as it does."""
    while (found := pattern.match(text)) and found.end():
        text = text[found.end() :]
    return text


def _says(text: str) -> bool:
    return any(c.isalnum() for c in text)


def _is_shown(c: str) -> bool:
    return unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"} or c == JOINER


def _columns(c: str) -> int:
    if unicodedata.category(c) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1
