"""How people really type: politeness, capitals or none, missing punctuation, typing errors."""

from __future__ import annotations

import random
import re

NAMES = {
    "gguf": "GGUF",
    "ram": "RAM",
    "cpu": "CPU",
    "gpu": "GPU",
    "json": "JSON",
    "llm": "LLM",
    "ai": "AI",
    "qwen": "Qwen",
    "hugging face": "Hugging Face",
    "huggingface": "HuggingFace",
    "chatgpt": "ChatGPT",
    "english": "English",
    "chinese": "Chinese",
    "linux": "Linux",
    "gb": "GB",
    "python": "Python",
    "modelscope": "ModelScope",
    "windows": "Windows",
    "llama": "Llama",
    "gemma": "Gemma",
    "ssd": "SSD",
    "q4_k_m": "Q4_K_M",
    "q8_0": "Q8_0",
}
BEFORE_EN = (
    "hi, ",
    "hello, ",
    "hey, ",
    "hi! ",
    "hello! ",
    "please ",
    "please, ",
    "ok, ",
    "so ",
    "and ",
    "well, ",
    "um, ",
    "quick question: ",
    "question: ",
    "excuse me, ",
    "sorry, ",
    "hey there, ",
    "now ",
    "also, ",
    "but ",
    "then ",
    "i have a question: ",
    "dear model, ",
    "good morning, ",
    "one more question: ",
    "just wondering, ",
    "hmm, ",
    "i'm new here. ",
    "hello there! ",
    "another thing: ",
    "btw ",
    "yo, ",
    "i am a beginner. ",
    "so, ",
    "ok so ",
    "sorry to bother you, ",
    "listen, ",
    "right, ",
    "alright, ",
    "actually, ",
    "thanks. ",
    "great. ",
    "next question: ",
)
AFTER_EN = (
    " please",
    ", please",
    " pls",
    " plz",
    " thanks",
    ", thanks",
    ", thank you",
    " exactly",
    " for me",
    " now",
    " then",
    " again",
    " btw",
    " by the way",
    " thx",
    " here",
    " actually",
    " anyway",
    " really",
    " quickly",
    " my friend",
    ", if i may ask",
    ", do you know",
    ", can you tell me",
    " or what",
    ", any idea",
    " today",
)
BEFORE_ZH = (
    "请问",
    "请问，",
    "你好，",
    "您好，",
    "那个，",
    "麻烦问一下，",
    "问一下，",
    "我想问一下，",
    "嗨，",
    "那",
    "那么，",
    "还有，",
    "好的，",
    "嗯，",
    "不好意思，",
    "打扰一下，",
    "另外，",
    "请",
    "我想知道",
    "想问问，",
    "你知道",
    "话说，",
    "哎，",
    "对了，",
    "再问一个，",
    "所以",
    "新手请教：",
    "请教一下，",
    "我是新手，",
    "你好！",
    "问个问题，",
    "呃，",
    "求助，",
    "能告诉我",
    "老师，",
    "亲，",
    "朋友，",
)
AFTER_ZH = (
    "呢",
    "啊",
    "呀",
    "，谢谢",
    "，拜托了",
    "，请告诉我",
    "，谢谢你",
    "，急",
    "哦",
    "，求教",
    "，你知道吗",
    "，能说说吗",
    "，求解",
    "，请教",
)
SWAPS_EN = {
    "please": "pls",
    "you": "u",
    "are": "r",
    "want to": "wanna",
    "going to": "gonna",
    "don't": "dont",
    "what's": "whats",
    "the": "teh",
    "your": "ur",
    "because": "cuz",
    "how do i": "howto",
    "i am": "im",
    "model": "modle",
    "with": "w/",
    "install": "instal",
    "better": "beter",
    "download": "dl",
    "and": "&",
    "i would": "i'd",
    "computer": "comp",
}
SWAPS_ZH = {
    "怎么": "怎麽",
    "什么": "神马",
    "吗": "嘛",
    "模型": "模形",
    "的": "得",
    "为什么": "为啥",
    "怎样": "怎么样",
    "哪里": "哪儿",
    "可以": "能",
    "下载": "下",
    "你": "您",
    "没有": "没",
    "多少": "几",
    "如何": "怎么",
    "现在": "目前",
    "知道": "晓得",
    "这个": "这",
}
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def roughen(text: str, language: str, rng: random.Random) -> str:
    """A question as somebody might really type it."""
    return _english(text, rng) if language == "en" else _chinese(text, rng)


def _english(text: str, rng: random.Random) -> str:
    if rng.random() < 0.16:
        text = rng.choice(BEFORE_EN) + text
    if rng.random() < 0.12:
        text += rng.choice(AFTER_EN)
    if rng.random() < 0.85:
        text = re.sub(r"\ba (?=[aeiou])", "an ", text)
    if rng.random() < 0.10:
        old = rng.choice(list(SWAPS_EN))
        text = re.sub(rf"\b{old}\b", SWAPS_EN[old], text)
    style = rng.random()
    if style < 0.55:
        text = text[:1].upper() + text[1:]
        text = re.sub(r"\bi\b(?!\.)", "I", text)
        text = re.sub(r"([.?!] )([a-z])", lambda m: m[1] + m[2].upper(), text)
    if rng.random() < 0.6:
        text = re.sub("|".join(rf"\b{n}\b" for n in NAMES), lambda m: NAMES[m[0]], text)
    if style > 0.98:
        text = text.upper()
    if rng.random() < 0.25:
        text = text.replace("'", "")
    if rng.random() < 0.12:
        text = _typo(text, rng)
        if rng.random() < 0.3:
            text = _typo(text, rng)
    if text[-1:].isalnum():
        text += rng.choices(("?", "", ".", "??", "!", " ?", "...", "!!"), (50, 34, 7, 2, 4, 2, 1, 1))[0]
    return text


def _chinese(text: str, rng: random.Random) -> str:
    if rng.random() < 0.16:
        text = rng.choice(BEFORE_ZH) + text
    if rng.random() < 0.10:
        text += rng.choice(AFTER_ZH)
    if rng.random() < 0.10:
        old = rng.choice(list(SWAPS_ZH))
        text = text.replace(old, SWAPS_ZH[old], 1)
    if rng.random() < 0.5:
        text = re.sub(r"(?<=[\u4e00-\u9fff]) | (?=[\u4e00-\u9fff])", "", text)
    if rng.random() < 0.15:
        text = text.lower()
    if rng.random() < 0.06 and len(text) > 4:
        at = rng.randrange(len(text) - 1)
        kind = rng.randrange(3)
        text = text[:at] + (text[at + 1], text[at] * 2, text[at + 1] + text[at])[kind] + text[at + (2, 1, 2)[kind] :]
    if rng.random() < 0.25:
        text = text.replace("，", rng.choice((" ", ",", "")))
    if text and text[-1] not in "？?！!。…":
        text += rng.choices(("？", "", "?", "。", "！", "？？", "…", " "), (42, 34, 12, 6, 3, 1, 1, 1))[0]
    return text.strip()


def _typo(text: str, rng: random.Random) -> str:
    spots = list(re.finditer(r"[A-Za-z]{4,}", text))
    if not spots:
        return text
    word = rng.choice(spots)
    at = rng.randrange(word.start() + 1, word.end() - 1)
    kind = rng.randrange(4)
    this, after = text[at], text[at + 1]
    middle = (after + this, after, this * 2 + after, rng.choice(LETTERS) + after)[kind]
    return text[:at] + middle + text[at + 2 :]
