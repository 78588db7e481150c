"""What it costs to go through a long conversation with the cursor: memory, and time until the screen has caught up.

    python benchmarks/app_browsing.py [--presses 200] [--size 80x24] [--gap 0]

In a real terminal, with a conversation of 200 messages, each answer with a list and a table (benchmarks/scripted.py).
Ctrl+Up puts the cursor into it and `k` moves it up by a message, `--gap` seconds apart: 0.03 is a key that is held
down. It has caught up when nothing was drawn for SECONDS_OF_REST. Seconds of work are the app's processor time.
"""

from __future__ import annotations

import argparse
import sys
import time
from tempfile import TemporaryDirectory

import psutil

from benchmarks.terminal import Terminal, environment

TURNS = 100
SECONDS_OF_REST = 1.5
CTRL_UP = "\x1b[1;5A"


def settle(terminal: Terminal) -> float:
    """Seconds until the last thing that is drawn."""
    last = begin = time.monotonic()
    while time.monotonic() - last < SECONDS_OF_REST:
        if terminal.listen(SECONDS_OF_REST):
            last = time.monotonic()
    return last - begin


def go(terminal: Terminal, keys: str, gap: float) -> tuple[float, float]:
    """Seconds from the first of `keys` to the end of what they draw, and of work."""
    worked, begin = terminal.processor_seconds, time.monotonic()
    for number, key in enumerate(keys, 1):
        terminal.type(key)
        while gap and (left := begin + number * gap - time.monotonic()) > 0:
            terminal.listen(left)
    pressed = time.monotonic() - begin
    return pressed + settle(terminal), terminal.processor_seconds - worked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=200)
    parser.add_argument("--size", default="80x24")
    parser.add_argument("--gap", type=float, default=0.0)
    args = parser.parse_args()
    columns, rows = map(int, args.size.split("x"))
    command = [sys.executable, "-m", "benchmarks.scripted", "--turns", str(TURNS), "--full"]
    with TemporaryDirectory() as home, Terminal(command, environment(home), columns, rows) as terminal:
        process = psutil.Process(terminal.process.pid)
        terminal.until("quit")
        settle(terminal)
        opened = process.memory_info().rss
        terminal.type(CTRL_UP)
        settle(terminal)
        up, worked = go(terminal, "k" * args.presses, args.gap)
        above = process.memory_info().rss
        down, worked_down = go(terminal, "j" * args.presses, args.gap)
        below = process.memory_info().rss
    print(f"{args.presses} presses of k, then of j, {args.gap:g} s apart, {args.size}\n")
    print("| | |\n|---|---|")
    print(f"| resident with 200 messages | {opened / 1e6:.0f} MB |\n| after all `k` | {above / 1e6:.0f} MB |")
    print(f"| after all `j` | {below / 1e6:.0f} MB |")
    print(f"| from the first `k` until the screen is there | {up:.1f} s, {worked:.1f} s of work |")
    print(f"| from the first `j` | {down:.1f} s, {worked_down:.1f} s of work |")


if __name__ == "__main__":
    main()
