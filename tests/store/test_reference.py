"""What says which model."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoglm_lite.errors import UsageError
from autoglm_lite.store.reference import HubReference, LocalReference, WebReference, read_reference


def test_each_kind() -> None:
    assert read_reference("hf:org/repo") == HubReference("hf", "org/repo")
    assert read_reference("hf:org/repo:q4_k_m") == HubReference("hf", "org/repo", None, "Q4_K_M")
    assert read_reference("ms:Org/a.b-c/sub/file.gguf") == HubReference("ms", "Org/a.b-c", "sub/file.gguf")
    assert read_reference("https://example.org/a.gguf") == WebReference("https://example.org/a.gguf")
    assert read_reference("./a.gguf") == LocalReference(Path("./a.gguf"))
    assert read_reference("glm-edge-1.5b") is None
    assert str(read_reference("hf:org/repo/a.gguf:Q8_0")) == "hf:org/repo/a.gguf:Q8_0"


@pytest.mark.parametrize(
    "text",
    [
        "hf:",
        "hf:a",
        "hf:../b",
        "hf:a/..",
        "hf:a/b/../c.gguf",
        "hf:a/b//c",
        "hf:a/b/c\\d",
        "hf:a/b:Q9",
        "hf:a/b:",
        "hf:a b/c",
        "ms:a/b/\x1b[2J",
        "http://example.org/a.gguf",
        "ftp://example.org/a",
        "file:///etc/passwd",
        "https://user:secret@example.org/a.gguf",
        "https://[::1/a",
    ],
)
def test_what_is_none_is_told_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_reference(text)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
