"""How soon conversations are listed, searched and opened, with 10,000 messages in 500 of them."""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from autoglm_lite.chat.branches import open_turns
from autoglm_lite.chat.history import History

ENGLISH = "the model reads a long page and writes some words about rice water memory disk python train letter"
CHINESE = "我们今天想知道怎么用电脑写一封信给房东说明暖气坏了请帮忙修理谢谢米饭内存磁盘模型答案问题天气很好"
QUERIES = "the|memory disk|rare1|py|a|米|米饭|暖气坏了|用Python|答|c++|::|§|no such words"


def text(dice: random.Random, n: int) -> str:
    """About 600 characters, every other one Chinese, and few with a rare word."""
    if n % 2:
        said = "".join(dice.choice(CHINESE) + ("，" if dice.random() < 0.1 else "") for _ in range(300))
        return f"{said} 用Python {said[:50]}" + ("暖气坏了" if n % 50 == 1 else "")
    known = ENGLISH.split()
    words = " ".join(dice.choice(known) for _ in range(110))
    return f"{words}\n\n```\nstd::x = {n}\n```\n" + (f"rare{n // 500}" if n % 500 == 0 else "")


def fill(path: Path, n_conversations: int, n_messages: int) -> float:
    """Seconds for one question and its answer, the median."""
    dice, took = random.Random(7), []
    per_conversation = n_messages // n_conversations // 2
    with History(path) as history:
        # Filling it is no part of what is measured but its last conversation.
        history._connection.execute("PRAGMA synchronous = OFF")
        for n in range(n_conversations):
            if n == n_conversations - 1:
                history._connection.execute("PRAGMA synchronous = FULL")
            made = history.create("/models/m.gguf", None, text(dice, n))
            for m in range(per_conversation):
                began = time.perf_counter()
                if m:
                    history.add_question(made, text(dice, n + m))
                answer = history.add_answer(made.id, "", "", "m")
                history.save_answer(answer, text(dice, n + 7 * m), "", "complete")
                if n == n_conversations - 1:
                    took.append(time.perf_counter() - began)
    return median(took)


def measured(name: str, call: Callable[[], object], repeat: int) -> float:
    """Prints the median and the worst in milliseconds; returns the worst."""
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1000)
    print(f"{name:34} median {median(times):7.2f} ms   worst {max(times):7.2f} ms")
    return max(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=500)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history" / "conversations.db"
        exchange = fill(path, args.conversations, args.messages)
        print(f"{args.messages} messages in {args.conversations} conversations, {path.stat().st_size / 1e6:.1f} MB")
        print(f"{'one question with its answer':34} median {1000 * exchange:7.2f} ms, three commits flushed")
        worst = [measured("opening the file", lambda: History(path).close(), args.repeat)]
        with History(path) as history:
            ids = [conversation.id for conversation in history.conversations()]
            worst.append(measured("list of all", history.conversations, args.repeat))
            worst.append(measured("list of the first 50", lambda: history.conversations(50), args.repeat))
            worst.append(measured("titles with 米", lambda: history.conversations(matching="米"), args.repeat))
            worst.append(measured("turns of one", lambda: open_turns(history, ids[7]), args.repeat))
            for query in QUERIES.split("|"):
                found = len(history.search(query, 50))

                def search(query: str = query) -> None:
                    history.search(query, 50)

                worst.append(measured(f"search {query!r}, {found} found", search, args.repeat))
            history._connection.execute("UPDATE messages SET indexed = 0")
            began = time.perf_counter()
            history.search("rare1")
            print(f"{'the first search without an index':34}        {time.perf_counter() - began:7.2f} s")
        print(f"the worst of all: {max(worst):.1f} ms (promise: 100 ms)")


if __name__ == "__main__":
    main()
