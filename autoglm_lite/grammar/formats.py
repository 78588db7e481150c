"""Strings of a known form, as GBNF. Each allows a part of what its standard does, and nothing else."""

from __future__ import annotations

from autoglm_lite.grammar.rules import Rules
from autoglm_lite.grammar.strings import Content

_LONG = '"0" [13578] | "1" [02]'
_SHORT = '"0" [469] | "11"'
_DAY_29 = '"0" [1-9] | "1" [0-9] | "2" [0-9]'
# February has 28 days here: which years have one more is no matter for a grammar.
_DATE = (
    f'[0-9]{{4}} "-" (({_LONG}) "-" ({_DAY_29} | "3" [01]) | ({_SHORT}) "-" ({_DAY_29} | "30") '
    '| "02-" ("0" [1-9] | "1" [0-9] | "2" [0-8]))'
)
# The year 0000 is in no calendar of the usual libraries.
_DATE = _DATE.replace("[0-9]{4}", "[1-9] [0-9]{3}", 1)
_CLOCK = '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9]'
_TIME = f'{_CLOCK} ":" [0-5] [0-9] ("." [0-9]{{1,6}})? ("Z" | [-+] {_CLOCK})'
_HEX = "[0-9a-fA-F]"
_BYTE = '("25" [0-5] | "2" [0-4] [0-9] | "1" [0-9]{2} | [1-9]? [0-9])'
_LABEL = '[a-zA-Z0-9]{1,20} ("-" [a-zA-Z0-9]{1,20}){0,2}'
_LOCAL = "[a-zA-Z0-9_+]{1,20}"
_COUNT = "[0-9]{1,4}"
_CLOCK_SPAN = f'"T" ({_COUNT} "H" ({_COUNT} "M")? ({_COUNT} "S")? | {_COUNT} "M" ({_COUNT} "S")? | {_COUNT} "S")'


def content(rules: Rules, name: str) -> Content | None:
    """What a string of this format holds; None for one that is not known here."""
    if name == "date":
        return Content(_DATE, 10, 10)
    if name == "time":
        return Content(_TIME, 9, 21)
    if name == "date-time":
        return Content(f'{_DATE} "T" {_TIME}', 20, 32)
    if name == "uuid":
        return Content(' "-" '.join(f"{_HEX}{{{n}}}" for n in (8, 4, 4, 4, 12)), 36, 36)
    if name == "ipv4":
        byte = rules.add(_BYTE)
        return Content(' "." '.join([byte] * 4), 7, 15)
    if name == "ipv6":
        return Content(' ":" '.join([f"{_HEX}{{1,4}}"] * 8), 15, 39)
    if name == "duration":
        return Content(f'"P" ({_COUNT} "D" ({_CLOCK_SPAN})? | {_CLOCK_SPAN})', 3, 22)
    label = rules.add(_LABEL)
    if name == "hostname":
        return Content(f'{label} ("." {label}){{0,3}}', 1, 251)
    if name == "email":
        local = rules.add(_LOCAL)
        return Content(f'{local} ([-.] {local}){{0,2}} "@" {label} ("." {label}){{1,3}}', 5, 315)
    if name in ("uri", "url"):
        char = rules.add('[a-zA-Z0-9._~!$&()*+,;=:@/?-] | "%" [0-9a-fA-F]{2}')
        return Content(
            f'"http" "s"? "://" {label} ("." {label}){{0,3}} (":" [1-9] [0-9]{{0,3}})? ("/" {char}*)?', 8, None
        )
    return None
