"""What counts as a word when conversations are searched.

A run of letters and digits is a word, and so is each character of the scripts that put no spaces between words, and
each emoji. So any number of Chinese characters is found, as a phrase of one-character words. Case, accents and
full-width forms make no difference.
"""

from __future__ import annotations

import re
import unicodedata

NO_SPACES = (
    "\u0e00-\u0edf\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3040-\u31ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\uff66-\uff9f\U00016fe0-\U0001b2ff\U00020000-\U0003ffff"
)
EMOJI = "\u2190-\u21ff\u2300-\u23ff\u2460-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
WORD = re.compile(f"[{NO_SPACES}{EMOJI}]|[^\\W_{NO_SPACES}{EMOJI}]+")
ACCENTS = re.compile("[\u0300-\u036f\ufe00-\ufe0f]")
MOST_CHARACTERS = 300
MOST_CHUNKS = 30


class _Folds(dict[int, str]):
    """Each character's, made when it is first met."""

    def __missing__(self, code: int) -> str:
        plain = ACCENTS.sub("", unicodedata.normalize("NFKD", chr(code)).casefold())
        self[code] = made = unicodedata.normalize("NFC", plain)
        return made


_FOLDS = _Folds()


def folded(text: str) -> str:
    """`text` as it is compared, character by character."""
    return text.lower() if text.isascii() else text.translate(_FOLDS)


def words_of(text: str) -> list[str]:
    return WORD.findall(folded(text))


def chunks_of(query: str) -> list[str]:
    """What was typed, at its spaces: each must be found."""
    typed = query[:MOST_CHARACTERS].encode("utf-8", "replace").decode().replace("\0", " ")
    return [chunk for chunk in dict.fromkeys(typed.split()) if folded(chunk)][:MOST_CHUNKS]
