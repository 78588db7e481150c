"""What says which model."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoglm_lite.errors import UsageError
from autoglm_lite.store.reference import HubReference, LocalReference, WebReference, read_reference


def test_each_kind() -> None:
    assert read_reference("hf:org/repo") == HubReference("hf", "org/repo")
    assert read_reference("hf:org/repo:q4_k_m") == HubReference("hf", "org/repo", None, "Q4_K_M")
    assert read_reference("hf:org/repo:ud-q4_k_xl") == HubReference("hf", "org/repo", None, "UD-Q4_K_XL")
    assert read_reference("ms:Org/a.b-c/sub/file.gguf") == HubReference("ms", "Org/a.b-c", "sub/file.gguf")
    assert read_reference("https://example.org/a.gguf") == WebReference("https://example.org/a.gguf")
    assert read_reference("./a.gguf") == LocalReference(Path("./a.gguf"))
    assert read_reference("glm-edge-1.5b") is None
    assert str(read_reference("hf:org/repo/a.gguf:Q8_0")) == "hf:org/repo/a.gguf:Q8_0"


@pytest.mark.parametrize(
    ("page", "meant"),
    [
        ("https://huggingface.co/org/repo", "hf:org/repo"),
        ("https://huggingface.co/org/repo/", "hf:org/repo"),
        ("https://hf.co/org/repo?show_file_info=a.gguf#x", "hf:org/repo"),
        ("https://huggingface.co/org/repo/tree/main", "hf:org/repo"),
        ("https://huggingface.co/org/repo/tree/main/sub", "hf:org/repo"),
        ("https://huggingface.co/org/repo/discussions", "hf:org/repo"),
        ("https://huggingface.co/org/repo/blob/main/a%20b.gguf", "hf:org/repo/a b.gguf"),
        ("https://huggingface.co/org/repo/resolve/main/sub/a.gguf?download=true", "hf:org/repo/sub/a.gguf"),
        ("https://modelscope.cn/models/org/repo", "ms:org/repo"),
        ("https://www.modelscope.cn/models/org/repo/summary", "ms:org/repo"),
        ("https://modelscope.cn/models/org/repo/file/view/master/a.gguf?status=2", "ms:org/repo/a.gguf"),
        ("https://modelscope.cn/models/org/repo/resolve/master/a.gguf", "ms:org/repo/a.gguf"),
        ("https://huggingface.co/org/repo/resolve/abc/a.gguf", "https://huggingface.co/org/repo/resolve/abc/a.gguf"),
        ("huggingface.co/org/repo", "hf:org/repo"),
        ("hf.co/org/repo:q4_k_m", "hf:org/repo:Q4_K_M"),
        ("hf.co/org/repo/blob/main/a.gguf", "hf:org/repo/a.gguf"),
        ("www.modelscope.cn/models/org/repo", "ms:org/repo"),
        ("hf://org/repo", "hf:org/repo"),
        ("HF:org/Repo/", "hf:org/Repo"),
        (" hf:org/repo ", "hf:org/repo"),
        ("https://example.org/org/repo", "https://example.org/org/repo"),
        ("https://huggingface.co/datasets/org/set", "https://huggingface.co/datasets/org/set"),
    ],
)
def test_the_page_of_a_hub_says_which_repository(page: str, meant: str) -> None:
    assert str(read_reference(page)) == meant


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
        "https://huggingface.co/org/repo/blob/branch/a.gguf",
        "https://huggingface.co/org/repo/resolve/main/..%2f..%2fa.gguf",
        "https://huggingface.co/org/repo/blob/main/a%0ab.gguf",
    ],
)
def test_what_is_none_is_told_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_reference(text)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
