"""The tokenizer files of the test checkpoints: each family's kind, structure and special tokens, and few tokens.

Runs where `tokenizers` and `sentencepiece` are installed; make_checkpoints.py calls it.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

TEXT = """
The quick brown fox jumps over the lazy dog, and the dog does not mind. Tokens are the words of a language model.
It's what we'd call a test: 12, 345 and 6789 are numbers; they're split where the pattern says so. I'll say it again.
def convert(source, target):\n    for name, tensor in source.items():\n        target[name] = tensor.to("float16")\n
这是一个小小的测试模型，它的词表只有几百个词。转换器把检查点变成一个文件，然后在本地的电脑上运行。你好，世界！
The tensors of the model are stored in the file, the converter reads them and writes the file of the model.
1 + 1 = 2; 3 * 7 = 21; 100 / 8 = 12.5; the answer to the question is in the text, and the text is here.
""".strip()

BASE = 320
"""Tokens of a byte-level vocabulary that are not special: 256 bytes and 64 merges."""
PIECES = 384
"""Tokens of a SentencePiece vocabulary."""

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
LLAMA3 += r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")

_CASED = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_UPPER_THEN_LOWER = (_CASED + r"*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+", _CASED + r"+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*")
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT4O = "|".join(part + r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?" for part in _UPPER_THEN_LOWER) + r"|\p{N}{1,3}" + _REST
TEKKEN = "|".join(_UPPER_THEN_LOWER) + r"|\p{N}" + _REST

GLM4_TOKENS = [
    *("<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>", "<|assistant|>"),
    *("<|observation|>", "<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>", "<|end_of_video|>"),
]
GLM41V_TOKENS = [*GLM4_TOKENS, "<|image|>", "<|video|>", "<think>", "</think>", "<answer>", "</answer>"]
GLM45_TOKENS = [
    *GLM4_TOKENS,
    *("<|begin_of_audio|>", "<|end_of_audio|>", "<|image|>", "<|video|>", "<|code_prefix|>", "<|code_middle|>"),
    *("<|code_suffix|>", "/nothink", "<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>"),
]
QWEN_TOKENS = [
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>"),
    *("<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>"),
    *("<|image_pad|>", "<|video_pad|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>"),
    *("<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"),
]
QWEN3_TOKENS = [*QWEN_TOKENS, "<tool_response>", "</tool_response>", "<think>", "</think>"]
LLAMA3_TOKENS = [
    *("<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>"),
    *("<|finetune_right_pad_id|>", "<|reserved_special_token_2|>", "<|start_header_id|>", "<|end_header_id|>"),
    *("<|eom_id|>", "<|eot_id|>", "<|python_tag|>"),
]
SMOLLM3_TOKENS = [*LLAMA3_TOKENS[:2], "<think>", "</think>", *LLAMA3_TOKENS[2:8], "<|im_start|>", "<|im_end|>"]
SMOLLM2_TOKENS = [
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<reponame>", "<file_sep>", "<filename>"),
    *("<gh_stars>", "<issue_start>", "<issue_comment>", "<issue_closed>", "<empty_output>"),
]
STARCODER_TOKENS = [
    *("<|end_of_text|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<filename>", "<gh_stars>"),
    *("<issue_start>", "<issue_comment>", "<issue_closed>", "<reponame>"),
]
OLMO2_TOKENS = ["<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|im_start|>", "<|im_end|>", "<|pad|>"]

NOT_SPECIAL = {"<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"}
NOT_SPECIAL |= {"<answer>", "</answer>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>"}
NOT_SPECIAL |= {"<|repo_name|>", "<|file_sep|>", "/nothink"}

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
GLM_CHAT = (
    "[gMASK]<sop>{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
LLAMA2_CHAT = (
    "{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + message['content'] + ' ' + eos_token }}{% endif %}{% endfor %}"
)
LLAMA3_CHAT = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] + '<|eot_id|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
GEMMA_CHAT = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<start_of_turn>' + message['role'].replace('assistant', 'model') + '\n' + message['content'] }}"
    "{{ '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
PHI_CHAT = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
GRANITE_CHAT = (
    "{% for message in messages %}"
    "{{ '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + message['content'] + '<|end_of_text|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start_of_role|>assistant<|end_of_role|>' }}{% endif %}"
)
MINICPM_CHAT = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ '<用户>' + message['content'].strip() + '<AI>' }}"
    "{% else %}{{ message['content'].strip() }}{% endif %}{% endfor %}"
)


def write_json(path: Path, value: object) -> None:
    """Writes `value` as UTF-8 JSON with a line for each item."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def split(regex: str) -> list[Any]:
    """The pre-tokenizer of models that came from tiktoken: one regular expression, then bytes."""
    pre = import_module("tokenizers").pre_tokenizers
    pattern = import_module("tokenizers").Regex(regex)
    return [pre.Split(pattern, "isolated"), pre.ByteLevel(add_prefix_space=False, use_regex=False)]


def digits_then_words() -> list[Any]:
    """The pre-tokenizer of StarCoder and SmolLM: every digit alone, then GPT-2's expression."""
    pre = import_module("tokenizers").pre_tokenizers
    return [pre.Digits(individual_digits=True), pre.ByteLevel(add_prefix_space=False, use_regex=True)]


def added(text: str, special: bool) -> Any:
    """An added token as the families' own files write it."""
    return import_module("tokenizers").AddedToken(text, normalized=False, special=special)


def write_bpe(
    folder: Path,
    steps: Sequence[Any],
    tokens: Iterable[str],
    config: Mapping[str, Any],
    *,
    first: Sequence[str] = (),
    bos: str = "",
    nfc: bool = False,
    ignore_merges: bool = False,
    files: Sequence[str] = ("tokenizer.json",),
) -> None:
    """Byte-level BPE: `first` are special tokens before the bytes, `tokens` those after the merges."""
    hf = import_module("tokenizers")
    tokenizer = hf.Tokenizer(hf.models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = hf.pre_tokenizers.Sequence(list(steps))
    if nfc:
        tokenizer.normalizer = hf.normalizers.NFC()
    trainer = hf.trainers.BpeTrainer(
        vocab_size=BASE + len(first),
        special_tokens=list(first),
        initial_alphabet=hf.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT.splitlines(), trainer)
    tokenizer.add_tokens([added(text, text not in NOT_SPECIAL) for text in [*first, *tokens]])
    level = hf.processors.ByteLevel(trim_offsets=False)
    tokenizer.post_processor = level
    if bos:
        template = hf.processors.TemplateProcessing(
            single=[bos, "$A"], pair=[bos, "$A", bos, "$B"], special_tokens=[(bos, tokenizer.token_to_id(bos))]
        )
        tokenizer.post_processor = hf.processors.Sequence([level, template])
    tokenizer.decoder = hf.decoders.ByteLevel()
    written = json.loads(tokenizer.to_str())
    if "tokenizer.json" in files:
        write_json(folder / "tokenizer.json", written)
    if "vocab.json" in files:
        write_json(folder / "vocab.json", written["model"]["vocab"])
        merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in written["model"]["merges"]]
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    write_config(folder, written["added_tokens"], config)
    if "tokenizer.model" in files:
        write_tiktoken(folder, written["model"]["vocab"])


def write_config(folder: Path, added_tokens: Iterable[Mapping[str, Any]], config: Mapping[str, Any]) -> None:
    """tokenizer_config.json, with the added tokens as transformers lists them."""
    decoder = {str(token["id"]): {key: token[key] for key in token if key != "id"} for token in added_tokens}
    write_json(folder / "tokenizer_config.json", {"added_tokens_decoder": decoder, **config})


def write_tiktoken(folder: Path, vocabulary: Mapping[str, int]) -> None:
    """tokenizer.model as GLM-4's own tokenizer reads it: each token's bytes in base64, and its rank."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = {chr(byte): byte for byte in plain}
    letters |= {chr(256 + place): byte for place, byte in enumerate(byte for byte in range(256) if byte not in plain)}
    lines = []
    for text, rank in sorted(vocabulary.items(), key=lambda item: item[1]):
        lines.append(base64.b64encode(bytes(letters[letter] for letter in text)).decode() + f" {rank}\n")
    (folder / "tokenizer.model").write_text("".join(lines), encoding="ascii")


def write_sentencepiece(
    folder: Path,
    config: Mapping[str, Any],
    *,
    more: Mapping[str, bool] | None = None,
    tokenizer_json: bool = False,
    **options: Any,
) -> None:
    """SentencePiece BPE with bytes; `more` are tokens added after its own, with whether they are special."""
    sentencepiece = import_module("sentencepiece")
    model = io.BytesIO()
    chosen: dict[str, Any] = {
        "vocab_size": PIECES,
        "model_type": "bpe",
        "byte_fallback": True,
        "normalization_rule_name": "identity",
    }
    chosen |= {"remove_extra_whitespaces": False, "split_digits": True, "character_coverage": 0.98}
    chosen |= {"num_threads": 1, "minloglevel": 2, "allow_whitespace_only_pieces": True} | options
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(TEXT.splitlines()), model_writer=model, **chosen)
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    special = [number for number in range(8) if processor.is_control(number) or processor.is_unknown(number)]
    tokens = [(number, processor.id_to_piece(number), True) for number in special]
    tokens += [(processor.vocab_size() + place, *item) for place, item in enumerate((more or {}).items())]
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    listed = [{"id": number, "content": text, **plain, "special": special} for number, text, special in tokens]
    write_config(folder, listed, config)
    if tokenizer_json:
        fast = import_module("transformers").AutoTokenizer.from_pretrained(folder, use_fast=True)
        written = json.loads(fast.backend_tokenizer.to_str())
        write_json(folder / "tokenizer.json", written)


def glm4(tokens: Sequence[str], **options: Any) -> Callable[[Path], None]:
    """GLM-4's tokenizer with these special tokens."""
    config: dict[str, Any] = {
        "clean_up_tokenization_spaces": False,
        "do_lower_case": False,
        "eos_token": "<|endoftext|>",
    }
    config |= {"pad_token": "<|endoftext|>", "model_max_length": 128000, "padding_side": "left"}
    config |= {"remove_space": False, "tokenizer_class": "PreTrainedTokenizerFast", "chat_template": GLM_CHAT}
    config["additional_special_tokens"] = [text for text in tokens if text not in NOT_SPECIAL]
    config |= options.pop("config", {})
    return lambda folder: write_bpe(folder, split(LLAMA3), tokens, config, **options)


def chatglm4(folder: Path) -> None:
    """GLM-4-9B's own form: tiktoken's ranks, and a tokenizer class in the model's repository."""
    auto = {"AutoTokenizer": ["tokenization_chatglm.ChatGLM4Tokenizer", None]}
    config: dict[str, Any] = {"auto_map": auto, "tokenizer_class": "ChatGLM4Tokenizer", "image_size": 1120}
    glm4(GLM4_TOKENS, config=config, files=("tokenizer.model",))(folder)


def qwen2(tokens: Sequence[str], **options: Any) -> Callable[[Path], None]:
    """Qwen's tokenizer with these special tokens."""
    config: dict[str, Any] = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "bos_token": None,
        "chat_template": CHATML,
    }
    config |= {"clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>", "errors": "replace"}
    config |= {"model_max_length": 131072, "pad_token": "<|endoftext|>", "split_special_tokens": False}
    config |= {"tokenizer_class": "Qwen2Tokenizer", "unk_token": None}
    config["additional_special_tokens"] = list(tokens[1:14])
    config |= options.pop("config", {})
    files = options.pop("files", ("tokenizer.json", "vocab.json"))
    return lambda folder: write_bpe(folder, split(QWEN2), tokens, config, nfc=True, files=files, **options)


def llama3(folder: Path) -> None:
    """Llama 3's tokenizer."""
    config: dict[str, Any] = {
        "bos_token": "<|begin_of_text|>",
        "eos_token": "<|eot_id|>",
        "clean_up_tokenization_spaces": True,
    }
    config |= {"model_input_names": ["input_ids", "attention_mask"], "model_max_length": 131072}
    config |= {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": LLAMA3_CHAT}
    write_bpe(folder, split(LLAMA3), LLAMA3_TOKENS, config, bos="<|begin_of_text|>", ignore_merges=True)


def smollm3(folder: Path) -> None:
    """Llama 3's tokenizer without its first token; the template is a file of its own."""
    config: dict[str, Any] = {
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "clean_up_tokenization_spaces": True,
        "fast": False,
    }
    config |= {"model_max_length": 131072, "pad_token": "<|im_end|>", "tokenizer_class": "PreTrainedTokenizer"}
    write_bpe(folder, split(LLAMA3), SMOLLM3_TOKENS, config, ignore_merges=True)
    (folder / "chat_template.jinja").write_text(CHATML, encoding="utf-8")


def smollm2(folder: Path) -> None:
    """SmolLM2's tokenizer: the special tokens come first."""
    config: dict[str, Any] = {"add_prefix_space": False, "additional_special_tokens": ["<|im_start|>", "<|im_end|>"]}
    config |= {"bos_token": "<|im_start|>", "chat_template": CHATML, "clean_up_tokenization_spaces": False}
    config |= {"eos_token": "<|im_end|>", "model_max_length": 8192, "pad_token": "<|im_end|>"}
    config |= {"tokenizer_class": "GPT2Tokenizer", "unk_token": "<|endoftext|>", "vocab_size": 49152}
    files = ("tokenizer.json", "vocab.json")
    write_bpe(folder, digits_then_words(), [], config, first=SMOLLM2_TOKENS, files=files)


def granite(folder: Path) -> None:
    """StarCoder's tokenizer, with Granite's roles after the merges."""
    more = ["<|start_of_role|>", "<|end_of_role|>", "<|tool_call|>"]
    config: dict[str, Any] = {"add_bos_token": False, "add_prefix_space": False, "additional_special_tokens": more}
    config |= {"bos_token": "<|end_of_text|>", "chat_template": GRANITE_CHAT, "clean_up_tokenization_spaces": True}
    config |= {"eos_token": "<|end_of_text|>", "errors": "replace", "model_max_length": 9223372036854775807}
    config |= {"pad_token": "<|end_of_text|>", "padding_side": "left", "tokenizer_class": "GPT2Tokenizer"}
    config |= {"unk_token": "<|end_of_text|>", "vocab_size": 49152}
    files = ("tokenizer.json", "vocab.json")
    write_bpe(folder, digits_then_words(), more, config, first=STARCODER_TOKENS, files=files)


def olmo2(folder: Path) -> None:
    """OLMo 2's tokenizer, which splits as GPT-4 does."""
    config: dict[str, Any] = {"add_prefix_space": False, "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    config |= {"clean_up_tokenization_spaces": False, "model_max_length": 4096, "pad_token": "<|pad|>"}
    config |= {"tokenizer_class": "GPT2Tokenizer", "unk_token": "<|endoftext|>", "chat_template": CHATML}
    write_bpe(folder, split(LLAMA3), ["<|endoftext|>", *OLMO2_TOKENS], config)


LLAMA2: dict[str, Any] = {
    "add_bos_token": True,
    "add_eos_token": False,
    "bos_token": "<s>",
    "eos_token": "</s>",
    "legacy": False,
}
LLAMA2 |= {"model_max_length": 1000000000000000019884624838656, "pad_token": None, "sp_model_kwargs": {}}
LLAMA2 |= {"tokenizer_class": "LlamaTokenizer", "unk_token": "<unk>", "clean_up_tokenization_spaces": False}


def llama2(
    more: Mapping[str, bool] | None = None, template: str = LLAMA2_CHAT, **config: Any
) -> Callable[[Path], None]:
    """Llama 2's tokenizer, with tokens added after its own."""
    whole = {**LLAMA2, "chat_template": template, **config}
    return lambda folder: write_sentencepiece(folder, whole, more=more, tokenizer_json=True)


def mistral(folder: Path) -> None:
    """Mistral's third tokenizer: roles among the control tokens, and two templates with names."""
    tools = "{{ bos_token }}[AVAILABLE_TOOLS] {{ tools }}[/AVAILABLE_TOOLS]{{ messages }}"
    templates = [{"name": "default", "template": LLAMA2_CHAT}, {"name": "tool_use", "template": tools}]
    config: dict[str, Any] = {**LLAMA2, "chat_template": templates, "add_prefix_space": True}
    roles = ["[INST]", "[/INST]", "[TOOL_CALLS]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"]
    write_sentencepiece(folder, config, control_symbols=roles, tokenizer_json=True)


def gemma(end: str) -> Callable[[Path], None]:
    """Gemma's tokenizer: other special tokens, spaces kept, turns as tokens of their own."""
    config: dict[str, Any] = {"add_bos_token": True, "add_eos_token": False, "bos_token": "<bos>", "eos_token": "<eos>"}
    config |= {"clean_up_tokenization_spaces": False, "model_max_length": 1000000000000000019884624838656}
    config |= {"pad_token": "<pad>", "sp_model_kwargs": {}, "spaces_between_special_tokens": False}
    config |= {"tokenizer_class": "GemmaTokenizer", "unk_token": "<unk>", "use_default_system_prompt": False}
    config |= {"additional_special_tokens": ["<start_of_turn>", "<end_of_turn>"], "chat_template": GEMMA_CHAT}
    symbols = ["<mask>", "[@BOS@]", *(f"<unused{number}>" for number in range(6)), "<start_of_turn>", "<end_of_turn>"]
    symbols += ["\n", "\n\n", "  ", "   ", "<table>", "<h1>", "</h1>"]
    ids: dict[str, Any] = {
        "pad_id": 0,
        "eos_id": 1,
        "bos_id": 2,
        "unk_id": 3,
        "pad_piece": "<pad>",
        "eos_piece": "<eos>",
    }
    ids |= {"bos_piece": "<bos>", "user_defined_symbols": symbols, "add_dummy_prefix": False}
    more = {end: True} if end else {}
    return lambda folder: write_sentencepiece(folder, config, more=more, tokenizer_json=True, **ids)


def minicpm(folder: Path) -> None:
    """MiniCPM's tokenizer: roles as tokens of the SentencePiece model."""
    config: dict[str, Any] = {**LLAMA2, "chat_template": MINICPM_CHAT, "legacy": True}
    write_sentencepiece(folder, config, user_defined_symbols=["<用户>", "<AI>"], tokenizer_json=True)


def internlm2(folder: Path) -> None:
    """InternLM 2's tokenizer: spare tokens that get roles, and a class in the model's repository."""
    spare = [f"[UNUSED_TOKEN_{number}]" for number in range(140, 147)]
    config: dict[str, Any] = {
        **LLAMA2,
        "chat_template": "{{ bos_token }}" + CHATML,
        "tokenizer_class": "InternLM2Tokenizer",
    }
    config |= {"auto_map": {"AutoTokenizer": ["tokenization_internlm2.InternLM2Tokenizer", None]}, "pad_token": "</s>"}
    roles = ["<|plugin|>", "<|interpreter|>", "<|action_end|>", "<|action_start|>", "<|im_end|>", "<|im_start|>"]
    config["additional_special_tokens"] = roles[::-1]
    write_sentencepiece(folder, config, user_defined_symbols=spare)
    path = folder / "tokenizer_config.json"
    held = json.loads(path.read_text("utf-8"))
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    for place, text in enumerate(roles):
        held["added_tokens_decoder"][str(3 + place)] = {"content": text, **plain}
    write_json(path, held)


def internlm3(folder: Path) -> None:
    """InternLM 3's tokenizer: roles after the SentencePiece model's own tokens."""
    config: dict[str, Any] = {
        **LLAMA2,
        "chat_template": "{{ bos_token }}" + CHATML,
        "tokenizer_class": "InternLM3Tokenizer",
    }
    config |= {"auto_map": {"AutoTokenizer": ["tokenization_internlm3.InternLM3Tokenizer", None]}}
    roles = ["<|im_start|>", "<|im_end|>", "<|interpreter|>", "<|plugin|>", "<|action_start|>", "<|action_end|>"]
    write_sentencepiece(folder, config, more=dict.fromkeys(roles, True))


def phi4(folder: Path) -> None:
    """Phi-4-mini's tokenizer, which splits as GPT-4o does."""
    tokens = ["<|endoftext|>", "<|endofprompt|>", "<|assistant|>", "<|end|>", "<|user|>", "<|system|>", "<|tool|>"]
    config: dict[str, Any] = {"add_bos_token": False, "add_eos_token": False, "add_prefix_space": False}
    config |= {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    config |= {"unk_token": "<|endoftext|>", "tokenizer_class": "GPT2Tokenizer", "model_max_length": 131072}
    config |= {"chat_template": PHI_CHAT, "clean_up_tokenization_spaces": False}
    write_bpe(folder, split(GPT4O), tokens, config, files=("tokenizer.json", "vocab.json"))


def tekken(folder: Path) -> None:
    """Mistral Nemo's tokenizer: special tokens first, and the first one put before the text."""
    first = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]"]
    config: dict[str, Any] = {"add_bos_token": True, "add_eos_token": False, "add_prefix_space": False}
    config |= {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "chat_template": LLAMA2_CHAT}
    config |= {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 1000000000000000019884624838656}
    write_bpe(folder, split(TEKKEN), [], config, first=first, bos="<s>", ignore_merges=True)
