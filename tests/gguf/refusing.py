"""What is said of a file that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf import read_facts


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        read_facts(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message
