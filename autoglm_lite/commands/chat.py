"""`autoglm-lite chat`: one answer in the shell, or the terminal app."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.commands.options import add_model_argument, add_planning_options, wishes
from autoglm_lite.errors import AutoglmError, HistoryError, UsageError

if TYPE_CHECKING:
    import argparse

    from autoglm_lite.chat.backend import Backend
    from autoglm_lite.chat.history import Conversation, History
    from autoglm_lite.chat.setup import ChatSetup
    from autoglm_lite.generation import Sampling
    from autoglm_lite.gguf.facts import ModelFacts
    from tui.desk import Desk

MAX_SEED = 2**32 - 2
STARTER = (
    "This is the built-in starter model, a demonstration that knows how to help with this program and little else; "
    "ask it how to get a better model."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    add_model_argument(parser)
    parser.add_argument(
        "-p", "--prompt", metavar="TEXT", help="print the answer to TEXT and end; text piped in is added to it"
    )
    parser.add_argument("--system", metavar="TEXT", help="how the model is to behave, said before the conversation")
    parser.add_argument(
        "--file",
        action="append",
        type=Path,
        default=[],
        metavar="F",
        help="a text file to put before the prompt; may be given several times",
    )
    parser.add_argument(
        "--image",
        action="append",
        type=Path,
        default=[],
        metavar="F",
        help="a picture (no model can see in this version)",
    )
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--continue", action="store_true", dest="continue_", help="go on with the latest conversation")
    group.add_argument("--session", metavar="ID", help="go on with this conversation")
    parser.add_argument("--low-power", action="store_true", help="fewer frames in the terminal app, and no animation")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the answer alone")
    answering = parser.add_argument_group("answering (defaults: what the model's makers advise)")
    answering.add_argument("--max-tokens", type=int, metavar="N", help="end the answer after N tokens")
    answering.add_argument(
        "--temperature", type=float, metavar="X", help="0 always takes the likeliest word, 1 is lively"
    )
    answering.add_argument("--top-p", type=float, metavar="X", help="choose among the likeliest words of share X")
    answering.add_argument("--top-k", type=int, metavar="N", help="choose among the N likeliest words; 0: all")
    answering.add_argument("--seed", type=int, metavar="N", help="the same seed gives the same answer")
    answering.add_argument(
        "--think", metavar="on|off|N", help="whether to reason before the answer, or for how many tokens at most"
    )
    add_planning_options(parser)


def run(args: argparse.Namespace) -> int:
    """Answers, or opens the terminal app; returns the exit code. Raises AutoglmError."""
    check(args)
    in_app = args.prompt is None and sys.stdin.isatty() and sys.stdout.isatty()
    if in_app and (args.json or args.file):
        raise UsageError(f'{"--json" if args.json else "--file"} needs a question: add -p "...".')
    if in_app:
        return in_terminal_app(args)

    from autoglm_lite.chat.history import History
    from autoglm_lite.commands.prompts import gather_prompt, read_piped
    from autoglm_lite.paths import data_dir

    prompt = gather_prompt(args.prompt, args.file, read_piped(sys.stdin.buffer))
    with History(data_dir() / "conversations.db") as history:
        conversation = chosen_conversation(args, history)
        from autoglm_lite.commands.shell import answer_in_shell

        setup, model = prepare(args, history, conversation)
        try:
            return answer_in_shell(setup, model, *prompt, as_json=args.json)
        finally:
            if setup.template is not None:
                setup.template.close()


def in_terminal_app(args: argparse.Namespace) -> int:
    """Opens the app, and shows its outline before its modules are read."""
    from tui.terminal.taking import check_terminal, taken_terminal

    check_terminal()
    with taken_terminal(os.environ) as terminal:
        from tui.settings.beginning import beginning

        start = beginning(os.environ, args.low_power)

        from autoglm_lite.chat.history import History
        from autoglm_lite.paths import data_dir
        from tui.app import run_app

        with History(data_dir() / "conversations.db") as history:
            conversation = chosen_conversation(args, history)
            return run_app(desk(args, history, conversation), start.told_by(terminal.replies()))


def desk(args: argparse.Namespace, history: History, conversation: Conversation | None) -> Desk:
    """What the terminal app works on."""
    from autoglm_lite.commands.shelf import Shelf
    from tui.desk import Desk

    def open_model(name: str | None) -> tuple[ChatSetup, Backend]:
        return prepare(args if name is None else with_model(args, name), history, conversation)

    return Desk(open_model, history, conversation, Shelf(args))


def with_model(args: argparse.Namespace, name: str) -> argparse.Namespace:
    """The same command line for another model."""
    import argparse

    return argparse.Namespace(**{**vars(args), "model": name})


def check(args: argparse.Namespace) -> None:
    """Raises for options that make no sense; those of the plan are checked where it is made."""
    if args.image:
        raise AutoglmError("This version cannot show pictures to a model: leave --image out.")
    if args.max_tokens is not None and args.max_tokens < 1:
        raise UsageError(f"--max-tokens {args.max_tokens} makes no sense: give at least 1.")
    if args.temperature is not None and not 0 <= args.temperature < math.inf:
        raise UsageError(f"--temperature {args.temperature} makes no sense: give 0 or more, such as 0.7.")
    if args.top_p is not None and not 0 <= args.top_p <= 1:
        raise UsageError(f"--top-p {args.top_p} makes no sense: give a share from 0 to 1.")
    if args.top_k is not None and not 0 <= args.top_k < 2**31:
        raise UsageError(f"--top-k {args.top_k} makes no sense: give 0 for all words, or how many.")
    if args.seed is not None and not 0 <= args.seed <= MAX_SEED:
        raise UsageError(f"--seed {args.seed} makes no sense: give a number from 0 to {MAX_SEED}.")
    thinking(args.think)


def prepare(args: argparse.Namespace, history: History, conversation: Conversation | None) -> tuple[ChatSetup, Backend]:
    """Everything up to the loading of the model; starts the template's process, which is the caller's to close."""
    from autoglm_lite.chat.setup import ChatSetup
    from autoglm_lite.chat.template import ChatTemplate
    from autoglm_lite.commands.backend import backend, offered
    from autoglm_lite.commands.finding import find
    from autoglm_lite.gguf.facts import made_for, read_facts
    from autoglm_lite.store import is_starter, make_models_dir

    wanted = wishes(args)
    last_model = conversation.model if conversation and Path(conversation.model).is_file() else None
    make_models_dir()
    said: list[str] = []
    names = offered(args)
    in_memory = [model.name for model in names if model.n_ctx]
    path = find(last_model if args.model is None else args.model, wanted, said.append, in_memory)
    facts = made_for(read_facts(path), "chat")
    model = backend(args, facts, names, said.append)
    switch, budget = thinking(args.think)
    said += [STARTER, *elsewhere()] if is_starter(path) else []
    if not facts.chat_template:
        said.append(f"{facts.name} has no chat template, so it continues your text instead of answering it.")
    elif args.think and "enable_thinking" not in facts.chat_template:
        said.append(f"{facts.name} has no switch for thinking, so --think {args.think} may change nothing.")
    template = None
    if facts.chat_template:
        template = ChatTemplate(facts.chat_template, bos=facts.bos_text, eos=facts.eos_text, n_ctx=model.n_ctx)
    setup = ChatSetup(
        n_ctx=model.n_ctx,
        facts=facts,
        history=history,
        template=template,
        sampling=sampling(args, facts),
        conversation=conversation,
        system=args.system,
        max_tokens=args.max_tokens,
        thinking=switch,
        thinking_tokens=budget,
        notices=tuple(said),
    )
    return setup, model


def elsewhere() -> list[str]:
    """A sentence on the models that other programs have here, if there are any."""
    from autoglm_lite.store.others.computer import this_computer
    from autoglm_lite.store.others.search import programs_with_models

    try:
        programs = programs_with_models(this_computer())
    except (OSError, RuntimeError):
        return []
    if not programs:
        return []
    *others, last = programs
    names = f"{', '.join(others)} and {last} have" if others else f"{last} has"
    return [f"{names} models on this computer: `autoglm-lite models scan` lets you use them where they lie."]


def chosen_conversation(args: argparse.Namespace, history: History) -> Conversation | None:
    if args.session is not None:
        return history.get(args.session)
    if not args.continue_:
        return None
    latest = history.latest()
    if latest is None:
        raise HistoryError("There is no conversation to continue yet: leave --continue out to begin one.")
    return latest


def sampling(args: argparse.Namespace, facts: ModelFacts) -> Sampling:
    """What the model's file advises, overridden by the command line."""
    from autoglm_lite.chat.setup import model_sampling

    given = {name: getattr(args, name) for name in ("temperature", "top_p", "top_k", "seed")}
    return replace(model_sampling(facts.sampling), **{k: v for k, v in given.items() if v is not None})


def thinking(text: str | None) -> tuple[bool | None, int | None]:
    """`--think` as the template's switch and the most tokens of reasoning."""
    if text is None:
        return None, None
    if text in ("on", "off"):
        return text == "on", None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(f"--think {text[:20]} makes no sense: give on, off or a number of tokens.")
    return int(text) > 0, int(text)
