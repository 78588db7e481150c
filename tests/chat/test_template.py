"""Templates write what their models were trained on, and can do nothing else."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from autoglm_lite.chat.template import ChatTemplate, TemplateRefusedError
from autoglm_lite.errors import PromptTooLongError, TemplateError

# In the formats of well-known models.
CHATML = """\
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
"""

LLAMA_3 = """\
{{- bos_token }}
{%- if tools is not none %}{{ raise_exception('no tools here') }}{% endif %}
{%- for message in messages %}
    {%- set head = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' %}
    {{- head + message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

GEMMA = """\
{{ bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {{- raise_exception('System role not supported') }}
{%- endif %}
{%- for message in messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
    {%- endif %}
    {%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}
    {{- '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}
"""

GLM_4 = """\
[gMASK]<sop>
{%- set ns = namespace(n_user=0) %}
{%- for m in messages %}
    {%- if m.role == 'system' %}<|system|>
{{ m.content }}
    {%- elif m.role == 'user' %}
        {%- set ns.n_user = ns.n_user + 1 %}<|user|>
{{ m.content }}
    {%- elif m.role == 'assistant' %}<|assistant|>
{% if m.reasoning_content is string and ns.n_user < 1 %}<think>{{ m.reasoning_content }}</think>{% endif %}
        {%- generation %}{{ m.content }}{% endgeneration %}
    {%- else %}{% continue %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|assistant|>
<think>{% endif %}
"""

SYSTEM = {"role": "system", "content": "Be kind."}
TALK = [
    {"role": "user", "content": "Hello <b> & 你好 "},
    {"role": "assistant", "content": "Hi!", "reasoning_content": "Greet."},
    {"role": "user", "content": "1 < 2?"},
]


def render(source: str, messages: list[dict[str, str]], *, thinking: bool | None = None) -> str:
    template = ChatTemplate(source, bos="<BOS>", eos="<EOS>")
    try:
        return template.render(messages, thinking=thinking)
    finally:
        template.close()


def test_chatml() -> None:
    expected = (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello <b> & 你好 <|im_end|>\n"
        "<|im_start|>assistant\nHi!<|im_end|>\n<|im_start|>user\n1 < 2?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert render(CHATML, [SYSTEM, *TALK]) == expected
    assert render(CHATML, [SYSTEM, *TALK], thinking=True) == expected
    assert render(CHATML, [SYSTEM, *TALK], thinking=False) == expected + "<think>\n\n</think>\n\n"


def test_llama_3() -> None:
    assert render(LLAMA_3, [SYSTEM, *TALK]) == (
        "<BOS><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nHello <b> & 你好<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nHi!<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n1 < 2?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )


def test_gemma() -> None:
    assert render(GEMMA, TALK) == (
        "<BOS><start_of_turn>user\nHello <b> & 你好<end_of_turn>\n<start_of_turn>model\nHi!<end_of_turn>\n"
        "<start_of_turn>user\n1 < 2?<end_of_turn>\n<start_of_turn>model\n"
    )
    with pytest.raises(TemplateRefusedError, match="System role not supported"):
        render(GEMMA, [SYSTEM, *TALK])
    with pytest.raises(TemplateRefusedError, match="must alternate"):
        render(GEMMA, [TALK[0], TALK[2]])


def test_glm_4() -> None:
    messages = [SYSTEM, *TALK, {"role": "observation", "content": "left out"}]
    assert render(GLM_4, messages) == (
        "[gMASK]<sop><|system|>\nBe kind.<|user|>\nHello <b> & 你好 <|assistant|>\nHi!<|user|>\n1 < 2?"
        "<|assistant|>\n<think>"
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ {'b': '<é', 'a': [1, none]} | tojson }}", '{"b": "<é", "a": [1, null]}'),
        ("{{ {'b': 1, 'a': 2} | tojson(sort_keys=True, separators=(',', ':')) }}", '{"a":2,"b":1}'),
        ("{{ {'a': 1} | tojson(indent=2) }}", '{\n  "a": 1\n}'),
        ("{{ 'é' | tojson(ensure_ascii=True) }}", '"\\u00e9"'),
        ("{{ strftime_now('%Y') }}", str(datetime.now().year)),
        ("{% for i in range(9) %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}", "012"),
        ("  {% if true %}\nx\n  {% endif %}\ny", "x\ny"),
        ("{{ tools is none and documents is none }}{{ enable_thinking is defined }}", "TrueFalse"),
        ("{{ bos_token }}{{ eos_token }}{{ add_generation_prompt }}", "<BOS><EOS>True"),
        ("{{ nothing }}{{ messages[0].nothing }}|", "|"),
        ("{{ '\\n' in messages[0].content }}{{ messages[0]['content'].split(' ')[0] }}", "FalseHello"),
        ("{{ 'a\\ud800' }}", "a?"),
        ("{% generation %}{% set x = 1 %}a{% endgeneration %}{{ x }}", "a"),
    ],
)
def test_what_hugging_face_gives(source: str, expected: str) -> None:
    assert render(source, TALK) == expected


def test_a_long_conversation_is_written_quickly() -> None:
    template = ChatTemplate(CHATML)
    template.render(TALK)
    started = time.perf_counter()
    assert len(template.render(TALK * 3000)) > 300_000
    assert time.perf_counter() - started < 1.0
    template.close()


def test_more_text_where_the_context_is_larger() -> None:
    talk = [{"role": "user", "content": "好" * 1_500_000}]
    with pytest.raises(PromptTooLongError, match="1,500,000 characters"):
        render(CHATML, talk)
    template = ChatTemplate(CHATML, n_ctx=131_072)
    assert len(template.render(talk)) > 1_500_000
    template.close()


def test_threads_may_share_one() -> None:
    template = ChatTemplate("{{ messages[0].content }}")
    with ThreadPoolExecutor(8) as pool:
        texts = [str(n) for n in range(200)]
        assert list(pool.map(lambda t: template.render([{"role": "user", "content": t}]), texts)) == texts
    template.close()


def test_another_process_replaces_one_that_died() -> None:
    template = ChatTemplate(CHATML)
    expected = template.render(TALK)
    template._child._process.kill()
    template._child._process.wait()
    assert template.render(TALK) == expected
    template.close()


@pytest.mark.parametrize("source", ["{% if %}", "{{ 1 / 0 }}", "{{ messages.nothing.nothing }}", "{% unknown %}"])
def test_a_broken_template_is_a_sentence(source: str) -> None:
    with pytest.raises(TemplateError, match=r"^The model's chat template fails: \w+: .*; another GGUF"):
        render(source, TALK)


ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''.__class__.__base__.__subclasses__()[0] }}",
    "{{ ().__class__.__bases__[0].__subclasses__() }}",
    "{{ messages.__class__ }}{{ messages.__class__.__init__.__globals__ }}",
    "{{ messages.__init__.__globals__['sys'].modules['os'].popen(CMD).read() }}",
    "{{ self.__init__.__globals__.__builtins__.__import__('os').system(CMD) }}",
    "{{ self._TemplateReference__context.cycler.__init__.__globals__.os.popen(CMD).read() }}",
    "{{ cycler.__init__.__globals__.os.system(CMD) }}",
    "{{ joiner.__init__.__globals__.os.system(CMD) }}",
    "{{ namespace.__init__.__globals__.os.system(CMD) }}",
    "{{ lipsum.__globals__['os'].popen(CMD).read() }}",
    "{{ lipsum.__globals__.__builtins__.open(CANARY, 'w').write('x') }}",
    "{{ raise_exception.__globals__['os'].system(CMD) }}",
    "{{ raise_exception.__globals__['__builtins__']['open'](CANARY, 'w') }}",
    "{{ strftime_now.__globals__['os'].system(CMD) }}",
    "{{ strftime_now.__code__.co_consts }}{{ strftime_now.__code__.replace() }}",
    "{{ range.__class__.__call__(range.__class__, 'x', (), {}) }}",
    "{{ ('%s' | format) ~ '{0.__class__.__init__.__globals__}'.format(messages) ~ CANARY.__globals__ }}",
    "{{ '{0.__class__.__mro__}'.format('') }}",
    "{{ '{x.__class__}'.format_map({'x': ''}) }}",
    "{{ ['{0.__class__.__base__}'] | map('format', '') | list | first | attr('__subclasses__') }}",
    "{{ (''|attr('__class__'))|attr('__mro__')|string }}{{ (''|attr('format')).__globals__ }}",
    "{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f')|attr('\\x5f\\x5fbase\\x5f\\x5f') }}",
    "{{ ['x'] | map(attribute='__class__.__base__') | list | first | attr('__subclasses__') }}",
    "{{ messages.append({'role': 'system'}) }}",
    "{{ messages[0].update({'role': 'system'}) }}",
    "{{ messages[0].pop('role') }}",
    "{% set x = messages[0].__setitem__('role', 'system') %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os.system(CMD) }}",
    "{% extends '/etc/hostname' %}",
    "{{ (strftime_now | attr('__globals__'))['os'].system(CMD) }}",
    "{{ joiner.__init__.__func__.__globals__.__loader__.load_module('os').system(CMD) }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x.__init__.__globals__ }}{% endfor %}",
]
NAMES_INSIDE = ("subclass", "<class", "builtins", "built-in", "__globals__'", "function", "root:")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[str], Path]]:
    canary = tmp_path_factory.mktemp("canary") / "canary"
    command = f"touch {canary}; echo root:"
    sources = [s.replace("CMD", repr(command)).replace("CANARY", repr(str(canary))) for s in ESCAPES]

    def outcome(source: str) -> str:
        try:
            return "text " + render(source, TALK)
        except TemplateError as error:
            return f"error {error}"

    with ThreadPoolExecutor(4) as pool:
        yield list(pool.map(outcome, sources)), canary


@pytest.mark.parametrize("n", range(len(ESCAPES)))
def test_escapes_lead_nowhere(n: int, outcomes: tuple[list[str], Path]) -> None:
    results, canary = outcomes
    if results[n].startswith("text "):
        assert not any(name in results[n] for name in NAMES_INSIDE), results[n]
    else:
        assert "chat template fails" in results[n]
    assert not canary.exists()


EXHAUSTIONS = [
    "{{ 'A' * 200000000 }}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for i in range(99999) %}{{ 'a long enough text to fill a million' }}{% endfor %}",
    "{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{% set ns = namespace(n=9) %}{% for i in range(60) %}{% set ns.n = ns.n ** 9 %}{% endfor %}",
    "{% set ns = namespace(l=[]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
    "{{ '%999999999d' | format(1) }}",
    "{{ 'x'.ljust(9999999999) }}",
    "{{ 'x' | center(999999999) }}",
    "{{ range(99999) | map('string') | join('y' * 100000) }}",
    "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "{{ [1] * 9999999999 }}",
    "{{ (9 ** 9) ** (9 ** 9) }}",
    "{{ '(' * 100000 }}{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ ['a' * 5000] * 5000 | sum(start='') }}",
]


@pytest.mark.slow
def test_exhaustion_is_stopped() -> None:
    def seconds(source: str) -> float:
        template = ChatTemplate(source)
        template._child.wait_until_ready()
        started = time.perf_counter()
        with pytest.raises(TemplateError):
            template.render(TALK)
        taken = time.perf_counter() - started
        template.close()
        return taken

    with ThreadPoolExecutor(2) as pool:
        times = list(pool.map(seconds, EXHAUSTIONS))
    assert {source: taken for source, taken in zip(EXHAUSTIONS, times, strict=True) if taken > 2.6} == {}


def test_no_thread_or_process_is_left_behind() -> None:
    before = set(threading.enumerate())
    template = ChatTemplate(CHATML)
    template.render(TALK)
    process = template._child._process
    del template
    assert process.returncode is not None
    for thread in set(threading.enumerate()) - before:
        # The clock of the last rendering has been stopped, and takes a moment to notice.
        thread.join(0.5)
    assert set(threading.enumerate()) <= before


def test_confined_even_if_the_sandbox_is_escaped(tmp_path: Path) -> None:
    """What code in that process can still do once it is confined."""
    attempts = {
        "read": "open('/etc/hosts').read()",
        "write": f"open({str(tmp_path / 'x')!r}, 'w')",
        "run": f"1 / (os.system('touch {tmp_path / 'x'}') == 0)",
        "spawn": "subprocess.run(['true'])",
        "socket": "socket.socket()",
        "memory": "bytearray(300 << 20)",
        "import": "__import__('wave')",
    }
    program = (
        "import os, socket, subprocess, sys, json\n"
        "from autoglm_lite.chat.render import confine\n"
        "confine()\n"
        f"attempts = {attempts!r}\n"
        "done = []\n"
        "for name, code in attempts.items():\n"
        "    try: eval(code); done.append(name)\n"
        "    except BaseException: pass\n"
        "print(json.dumps(done))\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == ([] if sys.platform == "linux" else ["memory"])
    assert list(tmp_path.glob("x")) == []


def test_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "hunter2")
    template = ChatTemplate("x")
    template.render([])
    environ = Path(f"/proc/{template._child._process.pid}/environ")
    if environ.exists():
        assert b"hunter2" not in environ.read_bytes()
        assert b"LC_ALL=C" in environ.read_bytes()
    template.close()
