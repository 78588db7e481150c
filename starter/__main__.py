"""Makes the starter model: `python -m starter train FOLDER`, then `evaluate FOLDER` asks the held-out questions."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

from starter import checkpoint, evaluate, stages
from starter import tokenizer as chatml
from starter.dialogue import Messages


def main() -> int:
    """Runs one of the commands."""
    parser = argparse.ArgumentParser(prog="python -m starter")
    parser.add_argument("command", choices=("train", "export", "evaluate"))
    parser.add_argument("folder", type=Path, help="the checkpoint folder to write or read")
    args = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    if args.command == "train":
        stages.train_here(args.folder)
    if args.command != "evaluate":
        stages.export(args.folder)
    print(asyncio.run(_evaluate(args.folder)))
    return 0


async def _evaluate(folder: Path) -> str:
    model, tokenizer = checkpoint.read(folder), chatml.read(folder)

    async def reply(messages: Messages) -> str:
        return checkpoint.reply(model, tokenizer, messages)

    questions = evaluate.read()
    return evaluate.report(questions, [await evaluate.ask(question, reply) for question in questions])


if __name__ == "__main__":
    raise SystemExit(main())
