"""What the terminal app costs while a reply comes: its share of one core, and its memory.

    python benchmarks/app_streaming.py [--tokens-per-second 30] [--keys F2] [--size 80x24]

In a real terminal, with a scripted model in place of a real one (benchmarks/scripted.py), in a conversation of 200
messages. The reply has headings, lists, tables, Chinese and a block of code of 300 lines. `--keys` presses keys before
it is asked for, such as F2 to fold the panel. Seconds are the app's processor time, its threads' included.
"""

from __future__ import annotations

import argparse
import sys
import time
from tempfile import TemporaryDirectory

import psutil

from benchmarks.scripted import LETTERS, REPLY
from benchmarks.terminal import Terminal, environment

TURNS = 100
SECONDS_AT_REST = 5.0
KEYS = {"F2": "\x1bOQ", "Esc": "\x1b"}


def rest(terminal: Terminal, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        terminal.listen(end - time.monotonic())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens-per-second", type=float, default=30)
    parser.add_argument("--keys", nargs="*", default=[], choices=list(KEYS))
    parser.add_argument("--size", default="80x24")
    args = parser.parse_args()
    columns, rows = map(int, args.size.split("x"))
    rate = ["--tokens-per-second", str(args.tokens_per_second), "--turns", str(TURNS)]
    command = [sys.executable, "-m", "benchmarks.scripted", *rate]
    with TemporaryDirectory() as home, Terminal(command, environment(home), columns, rows) as terminal:
        process = psutil.Process(terminal.process.pid)
        terminal.until("quit")
        rest(terminal, 3)
        for key in args.keys:
            terminal.type(KEYS[key])
        rest(terminal, 1)
        opened = process.memory_info().rss
        before, idle_from = terminal.processor_seconds, time.monotonic()
        rest(terminal, SECONDS_AT_REST)
        at_rest = (terminal.processor_seconds - before) / (time.monotonic() - idle_from)
        n_tokens = len(REPLY) // LETTERS
        terminal.type("Go on\r")
        before, begin, n = terminal.processor_seconds, time.monotonic(), len(terminal.drawn)
        rest(terminal, n_tokens / args.tokens_per_second)
        share = (terminal.processor_seconds - before) / (time.monotonic() - begin)
        rest(terminal, 4)
        drawn, ended = len(terminal.drawn) - n, process.memory_info().rss
    keys = " ".join(args.keys) or "none"
    print(f"{n_tokens} tokens at {args.tokens_per_second:g} a second, {args.size}, keys: {keys}\n")
    print("| | |\n|---|---|")
    print(f"| share of a core while the reply comes | {share:.1%} |\n| at rest | {at_rest:.1%} |")
    print(f"| resident with 200 messages | {opened / 1e6:.0f} MB |\n| after the reply | {ended / 1e6:.0f} MB |")
    print(f"| drawn | {drawn / 1e6:.1f} MB |")


if __name__ == "__main__":
    main()
