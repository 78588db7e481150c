"""Training: conversations are made on the way and packed into rows; the loss is on the answers only."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch import distributed as dist

from starter import tokenizer as chatml
from starter.dialogue import Corpus
from starter.model import Shape, Starter

Row = tuple[list[int], list[bool]]
Packed = tuple[list[int], list[bool], list[int], list[int]]
"""Of each token in a row: id, whether it is to be learned, position, number of its conversation."""
Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""The arguments of Starter.loss."""


@dataclass(frozen=True)
class Recipe:
    """How to train; the learning rate follows the share of steps done, never the clock."""

    n_steps: int = 1040
    n_final: int = 360
    """Steps after those, with the rate once more up and down."""
    n_rows: int = 24
    n_time: int = 256
    peak_rate: float = 4e-3
    final_rate: float = 1.5e-3
    warm_up: float = 0.01
    decay: float = 0.5
    cut_share: float = 0.6
    n_workers: int = 2
    steps_a_save: int = 50
    seed: int = 20_261_120


@dataclass(frozen=True)
class Job:
    """What every worker process needs."""

    corpus: Corpus
    tokenizer: Tokenizer
    shape: Shape
    recipe: Recipe
    state_file: Path


def work(rank: int, job: Job) -> Starter:
    """Trains as one of `n_workers` equal processes that average their gradients.

    Goes on from `state_file` if it is there. One thread each: where other programs want the same cores, threads that
    wait for one another cost more than they give.
    """
    recipe = job.recipe
    torch.set_num_threads(1)
    meeting = job.state_file.with_suffix(".meet").absolute()
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=recipe.n_workers)
    torch.manual_seed(recipe.seed)
    master = Starter(job.shape)
    parameters = dict(master.named_parameters())
    optimizers = _optimizers(parameters, recipe)
    first = _resume(job.state_file, master, optimizers)
    # The copy that computes is BF16, the one that learns is F32.
    fast = Starter(job.shape).to(torch.bfloat16)
    copies = list(zip(master.parameters(), fast.parameters(), strict=True))
    compute = torch.compile(fast.loss, dynamic=False)
    batches = _batches(job, first, rank)
    started, mean_loss = time.monotonic(), 0.0
    last = recipe.n_steps + recipe.n_final
    for step in range(first, last):
        with torch.no_grad():
            for slow_parameter, fast_parameter in copies:
                fast_parameter.copy_(slow_parameter)
        loss = compute(*next(batches))
        torch.autograd.backward(loss)
        for slow_parameter, fast_parameter in copies:
            assert fast_parameter.grad is not None
            slow_parameter.grad = fast_parameter.grad.float()
            fast_parameter.grad = None
        _average([p.grad for p in master.parameters() if p.grad is not None], recipe.n_workers)
        torch.nn.utils.clip_grad_norm_(master.parameters(), 1.0)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate(recipe, step)
            optimizer.step()
        mean_loss += float(loss.detach())
        n_done = step + 1
        if n_done % 10 == 0 and rank == 0:
            speed = 10 * recipe.n_rows * recipe.n_time * recipe.n_workers / (time.monotonic() - started)
            print(f"step {n_done}/{last} loss {mean_loss / 10:.4f} {speed:.0f} tokens/s", flush=True)
            started, mean_loss = time.monotonic(), 0.0
        if rank == 0 and (n_done % recipe.steps_a_save == 0 or n_done == last):
            _save(job.state_file, master, optimizers, n_done)
    dist.barrier()
    dist.destroy_process_group()
    return master


def rate(recipe: Recipe, step: int) -> float:
    """The learning rate: linear warm-up, constant, linear towards zero over `decay` of the steps, and a last slope."""
    progress = step / recipe.n_steps
    if progress < recipe.warm_up:
        return recipe.peak_rate * max(progress / recipe.warm_up, 0.02)
    if progress >= 1:
        return recipe.final_rate * (1 - (step - recipe.n_steps) / recipe.n_final)
    return recipe.peak_rate * min(1.0, (1 - progress) / recipe.decay + 0.01)


def _optimizers(parameters: dict[str, torch.nn.Parameter], recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the matrices (Jordan et al., 2024), AdamW for the embedding and the norms."""
    matrices = [p for name, p in parameters.items() if p.dim() == 2 and "embed" not in name]
    others = [p for name, p in parameters.items() if p.dim() != 2 or "embed" in name]
    return [
        torch.optim.Muon(matrices, lr=recipe.peak_rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=recipe.peak_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def _average(gradients: list[Tensor], n_workers: int) -> None:
    flat = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(flat)
    at = 0
    for gradient in gradients:
        gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient) / n_workers)
        at += gradient.numel()


def _batches(job: Job, first_step: int, rank: int) -> Iterator[Batch]:
    recipe = job.recipe
    n_learned = recipe.n_rows * recipe.n_time // 2
    step = first_step
    while True:
        # Each batch has its own seed, so a resumed run sees what an unbroken one would have seen.
        rng = random.Random(recipe.seed * 1_000_003 + step * recipe.n_workers + rank)
        rows = [_pack(_conversations(job, rng), recipe.n_time, job.shape.n_ctx, rng) for _ in range(recipe.n_rows)]
        ids, learned, positions, documents = (torch.tensor([row[i] for row in rows]) for i in range(4))
        targets = torch.cat((ids[:, 1:], ids[:, :1]), dim=1).reshape(-1)
        next_learned = torch.cat((learned[:, 1:], torch.zeros_like(learned[:, :1])), dim=1).reshape(-1)
        where = next_learned.nonzero().squeeze(1)[:n_learned]
        missing = n_learned - len(where)
        padded = torch.cat((where, torch.zeros(missing, dtype=torch.long)))
        wanted = torch.cat((targets[where], torch.full((missing,), -100)))
        yield ids, positions, documents, padded, wanted
        step += 1


def _conversations(job: Job, rng: random.Random) -> Iterator[Row]:
    while True:
        for row in chatml.encode(job.tokenizer, [job.corpus.conversation(rng) for _ in range(6)]):
            yield _cut(row, job.recipe.cut_share, rng)


def _pack(source: Iterator[Row], n_time: int, n_ctx: int, rng: random.Random) -> Packed:
    """One row of conversations, the last one cut off.

    Positions jump now and then between turns, so that short rows also teach distances as in a long conversation.
    """
    ids: list[int] = []
    learned: list[bool] = []
    positions: list[int] = []
    documents: list[int] = []
    document = 0
    while len(ids) < n_time:
        new_ids, new_learned = next(source)
        if document == 0 and len(new_ids) < n_time // 3 and rng.random() < 0.3:
            continue
        gap = rng.choice((0, 0, 60, 200, 400)) if len(new_ids) < n_time else 0
        position = 0
        for i, flag in enumerate(new_learned):
            # After an answer comes the next turn.
            if i and new_learned[i - 1] and not flag and gap:
                position += rng.randint(0, gap)
            positions.append(min(position, n_ctx - 1))
            position += 1
        ids += new_ids
        learned += new_learned
        documents += [document] * len(new_ids)
        document += 1
    return ids[:n_time], learned[:n_time], positions[:n_time], documents[:n_time]


def _cut(row: Row, share: float, rng: random.Random) -> Row:
    """Ends some conversations soon after the last answer has begun: its first words decide, the rest follows."""
    ids, learned = row
    if rng.random() >= share:
        return row
    last = len(learned) - 1
    while not learned[last]:
        last -= 1
    first = last
    while first and learned[first - 1]:
        first -= 1
    keep = first + rng.randint(6, 24)
    return ids[:keep], learned[:keep]


def _save(path: Path, model: Starter, optimizers: list[torch.optim.Optimizer], n_done: int) -> None:
    part = path.with_suffix(".part")
    state = {"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "done": n_done}
    torch.save(state, part)
    part.replace(path)


def _resume(path: Path, model: Starter, optimizers: list[torch.optim.Optimizer]) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    done: int = state["done"]
    print(f"going on after step {done}", flush=True)
    return done
