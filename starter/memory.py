"""Which model fits which memory, and how much memory which model needs: the questions that carry a number."""

from __future__ import annotations

from dataclasses import dataclass

from starter.grammar import Intent, parse, phrases


@dataclass(frozen=True)
class Size:
    """A class of computers by memory, with the models that suit it; sizes are those of Q4_K_M files."""

    name: str
    gigabytes: str
    en: str
    zh: str


@dataclass(frozen=True)
class Weights:
    """A class of models by parameters, with the memory they need; figures are those of Q4_K_M files."""

    name: str
    billions: str
    en: str
    zh: str


SIZES = (
    Size(
        "ram_2",
        "1|2|3|1.5",
        "a 0.5B model, for example Qwen2.5 0.5B Instruct in Q4_K_M (about 0.4 GB)",
        "0.5B 的模型，例如 Qwen2.5 0.5B Instruct 的 Q4_K_M（约 0.4 GB）",
    ),
    Size(
        "ram_4",
        "4|5|6|4",
        "a 1.5B model, for example Qwen2.5 1.5B Instruct in Q4_K_M (about 1 GB)",
        "1.5B 的模型，例如 Qwen2.5 1.5B Instruct 的 Q4_K_M（约 1 GB）",
    ),
    Size(
        "ram_8",
        "8|8|8|10|12",
        "a 3B or 4B model, for example Qwen2.5 3B Instruct in Q4_K_M (about 2 GB)",
        "3B 或 4B 的模型，例如 Qwen2.5 3B Instruct 的 Q4_K_M（约 2 GB）",
    ),
    Size(
        "ram_16",
        "16|16|16|18|20|24",
        "a 7B or 8B model, for example Qwen2.5 7B Instruct in Q4_K_M (about 4.7 GB)",
        "7B 或 8B 的模型，例如 Qwen2.5 7B Instruct 的 Q4_K_M（约 4.7 GB）",
    ),
    Size(
        "ram_32",
        "32|32|48|64|128",
        "a 14B or even a 32B model in Q4_K_M (9 to 20 GB); on a processor alone it will be slow",
        "14B 甚至 32B 的 Q4_K_M 模型（9 到 20 GB），只用处理器会比较慢",
    ),
)
WEIGHTS = (
    Weights(
        "need_05",
        "0.5|0.6|0.3|1|0.5",
        "about 1 GB of free memory; the file has about 0.4 GB",
        "约 1 GB 空闲内存，文件约 0.4 GB",
    ),
    Weights(
        "need_15",
        "1.5|1.5|1.7|2",
        "about 2 GB of free memory; the file has about 1 GB",
        "约 2 GB 空闲内存，文件约 1 GB",
    ),
    Weights(
        "need_3",
        "3|3|4",
        "about 3 to 4 GB of free memory; the file has 2 to 2.5 GB",
        "约 3 到 4 GB 空闲内存，文件约 2 到 2.5 GB",
    ),
    Weights(
        "need_7",
        "7|7|8|9",
        "about 6 GB of free memory; the file has about 5 GB, so 8 GB are tight and 16 GB are good",
        "约 6 GB 空闲内存，文件约 5 GB，所以 8 GB 内存很紧，16 GB 合适",
    ),
    Weights(
        "need_14", "13|14|14", "about 11 GB of free memory; the file has about 9 GB", "约 11 GB 空闲内存，文件约 9 GB"
    ),
    Weights(
        "need_32",
        "30|32|32|34",
        "about 23 GB of free memory; the file has about 20 GB",
        "约 23 GB 空闲内存，文件约 20 GB",
    ),
    Weights(
        "need_70",
        "70|70|72|65",
        "about 45 GB of free memory; that is too much for a laptop",
        "约 45 GB 空闲内存，笔记本是跑不动的",
    ),
)

PHRASES = phrases("patterns")


def intents(language: str) -> dict[str, Intent]:
    """The intents of this module in one language."""
    found = {}
    for size in SIZES:
        if language == "en":
            answer = f"With that much memory take {size.en}. Run it with `autoglm-lite chat FILE.gguf`."
        else:
            answer = f"这么多内存可以用{size.zh}。用 `autoglm-lite chat 文件.gguf` 运行。"
        found[size.name] = _intent(size.name, f"have_{language}", f"gigabytes_{language}", size.gigabytes, answer)
    for weights in WEIGHTS:
        if language == "en":
            answer = f"In Q4_K_M such a model needs {weights.en}."
        else:
            answer = f"用 Q4_K_M 的话，这样的模型需要{weights.zh}。"
        found[weights.name] = _intent(weights.name, f"need_{language}", f"model_{language}", weights.billions, answer)
    return found


def _intent(name: str, frames: str, thing: str, numbers: str, answer: str) -> Intent:
    phrase = PHRASES[thing][0].replace("<n>", "{" + numbers + "}")
    questions = [parse(frame.replace("@", phrase), {}) for frame in PHRASES[frames]]
    return Intent(name, questions=questions, answers=[answer])
