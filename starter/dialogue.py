"""Conversations put together from intents: single questions, follow-ups, names, sums, long talks."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from starter import arithmetic, memory
from starter.grammar import LANGUAGES, Intent, load, parse, phrases
from starter.noise import roughen

Messages = list[tuple[str, str]]

WEIGHTS = {
    "better_model": 5.0,
    "out_of_scope": 16.0,
    "greet": 5.0,
    "thanks": 2.5,
    "bye": 2.5,
    "who": 1.5,
    "which_model": 1.5,
    "convert": 1.8,
    "chat_file": 1.8,
    "abilities": 1.5,
    "where_download": 1.5,
    "slow": 1.3,
    "faster": 1.3,
    "install": 1.3,
    "insult": 1.3,
    "feelings": 1.5,
    "human": 1.3,
    "ok": 0.6,
    "no": 0.5,
    "test_message": 0.5,
    "story": 0.5,
    "poem": 0.5,
    "weather_talk": 0.5,
    "repeat": 0.5,
    "happy": 0.5,
    "mmap": 0.5,
    "os": 0.6,
    "git": 0.6,
    "prefill": 0.5,
    "kv_cache": 0.5,
}
CLOSING = ("thanks", "thanks", "bye", "ok", "compliment")
OPENING = ("greet", "greet", "good_morning", "good_evening", "how_are_you", "can_help", "who")

MIX = (44, 22, 19, 8, 3, 2.5, 1.6, 0.6, 1.5)
"""Shares of single questions, sums, short talks, names, chains of sums, translations, long talks, pasted texts, and
of what means nothing to the starter."""
CHINESE = re.compile("[\u4e00-\u9fff]")
PHRASES = phrases("patterns")
NAMES_EN, GIVEN_ZH, NICK_ZH, SYLLABLES = (
    tuple(" ".join(PHRASES[name]).split()) for name in ("names_en", "given_zh", "nick_zh", "syllables")
)
NAME_REPLIES = {
    "en": ("Nice to meet you, @! How can I help you?", "Hello @, nice to meet you!"),
    "zh": ("很高兴认识你，@！有什么可以帮你？", "你好，@！很高兴认识你。"),
}
NAME_ANSWERS = {"en": ("Your name is @.", "You are @."), "zh": ("你叫@。", "你的名字是@。")}


@dataclass(frozen=True)
class Corpus:
    """Everything that conversations are made of; `forbidden` holds normalised questions that must not occur."""

    intents: dict[str, dict[str, Intent]]
    frames: dict[str, dict[str, Intent]]
    forbidden: frozenset[str]
    characters: str
    """Chinese characters that occur in the answers."""

    def conversation(self, rng: random.Random) -> Messages:
        """One conversation as (role, text) pairs that ends with an answer."""
        while True:
            kinds: tuple[Callable[[random.Random, str], Messages], ...] = (
                self._single,
                self._sum,
                self._short,
                self._name,
                self._chain,
                self._translated,
                self._long,
                self._pasted,
                self._unknown,
            )
            kind = rng.choices(kinds, MIX)[0]
            messages = kind(rng, rng.choice(LANGUAGES))
            if rng.random() < 0.12:
                messages.insert(0, ("system", rng.choice(PHRASES["system"])))
            if not any(role == "user" and normalise(text) in self.forbidden for role, text in messages):
                return messages

    def _question(self, rng: random.Random, language: str, name: str | None = None) -> tuple[str, Messages]:
        intents = self.intents[language]
        name = name or rng.choices(list(intents), [WEIGHTS.get(n, 1.0) for n in intents])[0]
        while True:
            question = roughen(intents[name].ask(rng, self.frames[language]), language, rng)
            # "hi" alone is no Chinese, and shall not get a Chinese answer.
            if language == "en" or CHINESE.search(question):
                return name, [("user", question), ("assistant", rng.choice(intents[name].answers))]

    def _single(self, rng: random.Random, language: str) -> Messages:
        return self._question(rng, language)[1]

    def _sum(self, rng: random.Random, language: str) -> Messages:
        if rng.random() < 0.05:
            text, reply = arithmetic.too_hard(language, rng), arithmetic.TOO_HARD[language]
        else:
            s = arithmetic.draw(rng)
            text = arithmetic.ask(s, language, rng)
            reply = arithmetic.answer(s, "en" if text.isascii() else language)
        noisy = roughen(text, language, rng) if rng.random() < 0.5 else text
        # A typing error could change the sum itself.
        same = re.findall(r"\d+", noisy) == re.findall(r"\d+", text) and text.isascii() == noisy.isascii()
        text = noisy if same else text
        return [("user", text), ("assistant", reply)]

    def _turn(self, rng: random.Random, language: str, last: str | None) -> tuple[str | None, Messages]:
        follow_ups = self.intents[language][last].follow_ups if last else []
        if follow_ups and rng.random() < 0.75:
            pattern, target = rng.choice(follow_ups)
            question = roughen(pattern.expand(rng), language, rng)
            return target, [("user", question), ("assistant", rng.choice(self.intents[language][target].answers))]
        if rng.random() < 0.12:
            return None, self._sum(rng, language)
        with_follow_ups = [n for n, i in self.intents[language].items() if i.follow_ups]
        return self._question(rng, language, rng.choice(with_follow_ups) if rng.random() < 0.35 else None)

    def _talk(self, rng: random.Random, language: str, n_turns: int) -> Messages:
        messages: Messages = []
        last: str | None = None
        if rng.random() < 0.4:
            messages += self._question(rng, language, rng.choice(OPENING))[1]
        for _ in range(n_turns):
            if rng.random() < 0.04:
                language, last = rng.choice(LANGUAGES), None
            last, turn = self._turn(rng, language, last)
            messages += turn
        if rng.random() < 0.35:
            messages += self._question(rng, language, rng.choice(CLOSING))[1]
        return messages

    def _short(self, rng: random.Random, language: str) -> Messages:
        return self._talk(rng, language, rng.choice((1, 2, 2, 3)))

    def _long(self, rng: random.Random, language: str) -> Messages:
        return self._talk(rng, language, rng.randint(5, 12))

    def _name(self, rng: random.Random, language: str) -> Messages:
        name = random_name(rng, language)
        messages: Messages = []
        if rng.random() < 0.3:
            messages += self._question(rng, language, "greet")[1]
        told = _phrase("tell_name", language, rng)
        if language == "en" and rng.random() < 0.6:
            told = told[:1].upper() + re.sub(r"\bi\b", "I", told[1:])
        if language == "en" and rng.random() < 0.2:
            name = name.lower()
        told = told.replace("@", name) + rng.choice(("", ".", "!") if language == "en" else ("", "。", "！"))
        messages += [("user", told), ("assistant", rng.choice(NAME_REPLIES[language]).replace("@", name))]
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
            messages += self._turn(rng, language, None)[1]
        if rng.random() < 0.85:
            asked = roughen(_phrase("ask_name", language, rng), language, rng)
            messages += [("user", asked), ("assistant", rng.choice(NAME_ANSWERS[language]).replace("@", name))]
        return messages

    def _chain(self, rng: random.Random, language: str) -> Messages:
        s = arithmetic.draw(rng)
        messages: Messages = [("user", arithmetic.ask(s, language, rng)), ("assistant", arithmetic.answer(s, language))]
        for _ in range(rng.choice((1, 1, 2))):
            operator, b = rng.choice("+-"), rng.randint(0, rng.choice((10, 10, 50)))
            following = arithmetic.Sum(s.result, operator, b)
            if following.result < 0 or s.result > 100 or arithmetic.is_held_out(following):
                break
            s = following
            asked = _phrase("more" if operator == "+" else "less", language, rng).replace("@", str(b))
            messages += [("user", asked), ("assistant", arithmetic.answer(s, language))]
        return messages

    def _translated(self, rng: random.Random, language: str) -> Messages:
        name, messages = self._question(rng, language)
        other = "zh" if language == "en" else "en"
        answers = self.intents[other][name].answers
        asked = _phrase("translate", other, rng)
        # The request may be in either language, so its typing errors follow its own script.
        asked = roughen(asked, "en" if asked.isascii() else "zh", rng)
        return [*messages, ("user", asked), ("assistant", rng.choice(answers))]

    def _pasted(self, rng: random.Random, language: str) -> Messages:
        intents = list(self.intents[language].values())
        text = " ".join(rng.choice(rng.choice(intents).answers) for _ in range(rng.randint(1, 4)))
        if rng.random() >= 0.5:
            text = " ".join(random_name(rng, language) for _ in range(rng.randint(8, 60)))
        request = roughen(rng.choice(PHRASES[f"paste_{language}"]), language, rng)
        user = f"{text}\n\n{request}" if rng.random() < 0.7 else f"{request}\n\n{text}"
        return [("user", user), ("assistant", rng.choice(self.intents[language]["out_of_scope"].answers))]

    def _unknown(self, rng: random.Random, language: str) -> Messages:
        kind = rng.random()
        if kind < 0.5:
            text = rng.choice(PHRASES["unknown"])
            language = "en"
        elif language == "en":
            letters = "abcdefghijklmnopqrstuvwxyz"
            text = " ".join("".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(rng.randint(1, 5)))
        else:
            text = "".join(rng.choices(self.characters, k=rng.randint(2, 9)))
        messages = [("user", text), ("assistant", rng.choice(self.intents[language]["out_of_scope"].answers))]
        return self._talk(rng, language, 1) + messages if kind > 0.85 or kind < 0.1 else messages


def corpus(forbidden: frozenset[str]) -> Corpus:
    """Reads the text files; `forbidden` are the normalised held-out questions."""
    intents, frames = {}, {}
    for language in LANGUAGES:
        found, frames[language] = load(language)
        intents[language] = found | memory.intents(language)
    answers = "".join(a for intent in intents["zh"].values() for a in intent.answers)
    return Corpus(intents, frames, forbidden, "".join(sorted(set(CHINESE.findall(answers)))))


def random_name(rng: random.Random, language: str) -> str:
    """A person's name; half of them made up, so that the model learns to copy and not a list."""
    if language == "en" or rng.random() < 0.1:
        if rng.random() < 0.5:
            return rng.choice(NAMES_EN)
        if rng.random() < 0.4:
            # Two halves of different names.
            return rng.choice(NAMES_EN)[: rng.randint(2, 4)] + rng.choice(NAMES_EN)[-rng.randint(2, 4) :].lower()
        syllables = "".join(rng.choice(SYLLABLES) for _ in range(rng.choice((2, 2, 3))))
        return syllables.capitalize() + rng.choice(("", "", "n", "s", "l", "r", "k"))
    kind = rng.random()
    if kind < 0.25:
        return rng.choice(NICK_ZH)
    family = rng.choice(PHRASES["family_zh"][0])
    if kind > 0.93:
        return rng.choice(("小", "老", "阿")) + family
    if kind > 0.6:
        return rng.choice((family, "小", "阿")) + "".join(rng.choices("".join(GIVEN_ZH), k=rng.choice((1, 1, 2))))
    return family + rng.choice(GIVEN_ZH) + (rng.choice(GIVEN_ZH)[:1] if rng.random() < 0.2 else "")


def _phrase(name: str, language: str, rng: random.Random) -> str:
    return parse(PHRASES[f"{name}_{language}"][0], {}).expand(rng)


def normalise(text: str) -> str:
    """A question without case, spaces and punctuation, for comparing with the held-out ones."""
    return re.sub(r"[\W_]+", "", text.lower())
