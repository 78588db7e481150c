"""The stages of making the starter: tokenizer, training in worker processes, checkpoint folder."""

from __future__ import annotations

from multiprocessing import get_context
from pathlib import Path

import torch

from starter import checkpoint, dialogue, evaluate, train
from starter import tokenizer as chatml
from starter.model import Shape, Starter

N_VOCAB = 2560


def train_here(folder: Path) -> None:
    """Trains into `folder`, going on where an earlier run was stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "tokenizer.json").exists():
        tokenizer = chatml.train(_corpus(), N_VOCAB, n_conversations=40_000, seed=1)
        checkpoint.write(folder, Starter(Shape(n_vocab=tokenizer.get_vocab_size())), tokenizer)
    state_file = folder / "training.pt"
    state_file.with_suffix(".meet").unlink(missing_ok=True)
    recipe = train.Recipe()
    make = get_context("spawn").Process
    workers = [make(target=_worker, args=(rank, folder, recipe), daemon=True) for rank in range(recipe.n_workers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise SystemExit("Training stopped; the same command goes on from the last saved step.")


def _worker(rank: int, folder: Path, recipe: train.Recipe) -> None:
    tokenizer = chatml.read(folder)
    shape = Shape(n_vocab=tokenizer.get_vocab_size())
    train.work(rank, train.Job(_corpus(), tokenizer, shape, recipe, folder / "training.pt"))


def export(folder: Path) -> None:
    """Writes the weights of the last saved step into the checkpoint folder."""
    tokenizer = chatml.read(folder)
    model = Starter(Shape(n_vocab=tokenizer.get_vocab_size()))
    model.load_state_dict(torch.load(folder / "training.pt", weights_only=True)["model"])
    checkpoint.write(folder, model, tokenizer)


def _corpus() -> dialogue.Corpus:
    return dialogue.corpus(evaluate.forbidden(evaluate.read()))
