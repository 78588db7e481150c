"""The starter's own tokenizer: byte-level BPE with Qwen2's pre-tokenizer, which splits numbers into single digits."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from starter.dialogue import Corpus, Messages

# The regular expression of Qwen2's tokenizer.json; llama.cpp knows it as the pre-tokenizer "qwen2".
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
END_OF_TEXT, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIAL = (END_OF_TEXT, START, END)
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def train(corpus: Corpus, n_vocab: int, n_conversations: int, seed: int) -> Tokenizer:
    """Learns a vocabulary of `n_vocab` tokens from that many conversations; ids 0, 1, 2 are the special tokens."""
    tokenizer = Tokenizer(models.BPE())
    words = pre_tokenizers.Split(Regex(SPLIT), behavior="isolated")
    # While learning, characters of Chinese stand alone: no token joins two, so new words stay readable to the model.
    characters = pre_tokenizers.Split(Regex(r"[\u2000-\uffff]"), behavior="isolated")
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, characters, letters])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=n_vocab,
        special_tokens=[AddedToken(t, special=True) for t in SPECIAL],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(corpus, n_conversations, seed), trainer)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, letters])
    return tokenizer


def read(folder: Path) -> Tokenizer:
    """The tokenizer of a checkpoint folder."""
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def encode(tokenizer: Tokenizer, conversations: list[Messages]) -> list[tuple[list[int], list[bool]]]:
    """Token ids of each conversation in ChatML, and for each token whether the model must learn to write it."""
    texts = [text for messages in conversations for _, text in messages]
    encoded = iter(tokenizer.encode_batch(texts, add_special_tokens=False))
    roles = {role: _ids(tokenizer, f"{role}\n") for role in ("system", "user", "assistant")}
    [start], [end], newline = _ids(tokenizer, START), _ids(tokenizer, END), _ids(tokenizer, "\n")
    rows = []
    for messages in conversations:
        ids: list[int] = []
        learned: list[bool] = []
        for role, _ in messages:
            head, body = [start, *roles[role]], [*next(encoded).ids, end]
            ids += head + body + newline
            learned += [False] * len(head) + [role == "assistant"] * len(body) + [False] * len(newline)
        rows.append((ids, learned))
    return rows


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def _texts(corpus: Corpus, n_conversations: int, seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(n_conversations):
        for role, text in corpus.conversation(rng):
            # Answers repeat word for word; questions say more about the words that people use.
            if role == "user" or rng.random() < 0.1:
                yield text
