"""Model families, one file each, found by the name in config.json's `architectures`."""

from __future__ import annotations

from importlib import import_module

from autoglm_lite.errors import ConversionError
from converters.architectures.family import Family
from converters.config import Config

MODULES = {"LlamaForCausalLM": "llama", "LLaMAForCausalLM": "llama"}


def find_family(config: Config) -> Family:
    """The family of a config.json; raises ConversionError for one that we cannot convert."""
    names = config.get("architectures")
    if not isinstance(names, list) or not names or not isinstance(names[0], str):
        raise ConversionError("config.json names no architecture, so it is no model that can be converted.")
    if names[0] not in MODULES:
        known = ", ".join(MODULES)
        raise ConversionError(f"the architecture {names[0][:80]} cannot be converted yet; these can: {known}.")
    family: Family = import_module(f"converters.architectures.{MODULES[names[0]]}").FAMILY
    return family
