"""autoglm-lite: a language model on the computer you already own."""

__version__ = "0.1.0"
