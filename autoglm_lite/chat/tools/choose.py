"""Which family's way of calling tools a model has, told from its chat template."""

from __future__ import annotations

from autoglm_lite.chat.tools.format import ToolFormat
from autoglm_lite.chat.tools.functionary import Functionary
from autoglm_lite.chat.tools.glm4 import Glm4
from autoglm_lite.chat.tools.hermes import Hermes
from autoglm_lite.chat.tools.llama import Llama
from autoglm_lite.chat.tools.mistral import Mistral
from autoglm_lite.chat.tools.none import NoTools
from autoglm_lite.chat.tools.tagged import CODER, GLM, Tagged


def tool_format(template: str | None) -> ToolFormat:
    """`template`: the source of the model's chat template. Where that knows no tools, or none of the ways that we know
    of calling them, they are told as text."""
    if template is None:
        return NoTools()
    if "<tool_call>" in template:
        if "<arg_key>" in template and "<arg_value>" in template:
            return Tagged("glm-4.5", GLM, ("<|observation|>",) if "<|observation|>" in template else ())
        if "<function=" in template and "<parameter=" in template:
            return Tagged("qwen3-coder", CODER)
        if '"arguments' in template and "<tool_calls>" not in template:
            return Hermes()
    if "[TOOL_CALLS]" in template:
        return Mistral(names_first="[ARGS]" in template, with_ids="[CALL_ID]" in template)
    if "<function=" in template and "</function>" in template and "<parameter=" not in template:
        return Functionary()
    if "<|start_header_id|>" in template and '"parameters": ' in template and "tool_calls" in template:
        return Llama()
    if "<|observation|>" in template and "metadata" in template:
        in_system = "['tools']" in template or "item.tools" in template
        return Glm4(in_system=in_system, with_calls="tool_calls" in template)
    return Functionary(native=False)
