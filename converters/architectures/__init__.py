"""Model families, one file each, found by the name in config.json's `architectures`."""

from __future__ import annotations

from importlib import import_module

from autoglm_lite.errors import ConversionError
from converters.architectures.family import Family
from converters.config import Config

TEXT = {
    "GlmForCausalLM": "glm",
    "ChatGLMModel": "chatglm",
    "ChatGLMForConditionalGeneration": "chatglm",
    "Glm4ForCausalLM": "glm4",
    "Glm4vForConditionalGeneration": "glm4",
    "Glm4MoeForCausalLM": "glm4_moe",
    "Glm4MoeLiteForCausalLM": "glm4_moe_lite",
    "LlamaForCausalLM": "llama",
    "LLaMAForCausalLM": "llama",
    "MistralForCausalLM": "mistral",
    "Qwen2ForCausalLM": "qwen2",
    "Qwen2MoeForCausalLM": "qwen2_moe",
    "Qwen2VLForConditionalGeneration": "qwen2vl",
    "Qwen2_5_VLForConditionalGeneration": "qwen2vl",
    "Qwen3ForCausalLM": "qwen3",
    "Qwen3MoeForCausalLM": "qwen3_moe",
    "Gemma2ForCausalLM": "gemma2",
    "Gemma3ForCausalLM": "gemma3",
    "Gemma3ForConditionalGeneration": "gemma3",
    "Phi3ForCausalLM": "phi3",
    "SmolLM3ForCausalLM": "smollm3",
    "GraniteForCausalLM": "granite",
    "Olmo2ForCausalLM": "olmo2",
    "Olmo3ForCausalLM": "olmo2",
    "MiniCPMForCausalLM": "minicpm",
    "InternLM2ForCausalLM": "internlm2",
    "InternLM3ForCausalLM": "internlm3",
}
"""The module that converts the language model of an architecture."""

VISION = {
    "Glm4vForConditionalGeneration": "vision_glm4v",
    "Qwen2VLForConditionalGeneration": "vision_qwen2vl",
    "Qwen2_5_VLForConditionalGeneration": "vision_qwen2vl",
}
"""The module that converts its vision part, for `--mmproj`."""


def find_family(config: Config, mmproj: bool = False) -> Family:
    """The family of a config.json, or with `mmproj` of its vision part.

    Raises ConversionError for one that we cannot convert. A module holds `FAMILY`, or `family(config)` where the
    config decides between several.
    """
    names = config.get("architectures")
    if not isinstance(names, list) or not names or not isinstance(names[0], str):
        raise ConversionError("config.json names no architecture, so it is no model that can be converted.")
    modules = VISION if mmproj else TEXT
    if names[0] not in modules:
        if mmproj and names[0] in TEXT:
            raise ConversionError(
                f"the architecture {names[0]} has no vision part that can be converted; convert it without --mmproj."
            )
        known = ", ".join(modules)
        raise ConversionError(f"the architecture {names[0][:80]} cannot be converted yet; these can: {known}.")
    module = import_module(f"converters.architectures.{modules[names[0]]}")
    family: Family = module.family(config) if hasattr(module, "family") else module.FAMILY
    return family
