"""How the hubs are reached, and who gets which token."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoglm_lite.errors import UsageError
from autoglm_lite.store.hub.access import Access, address_of, read_access
from autoglm_lite.store.hub.refusals import page_of
from autoglm_lite.store.reference import HubReference


def test_a_token_goes_to_its_own_hub_only() -> None:
    access = Access(hf_token="hf_a", ms_token="ms_b")
    assert access.headers("https://huggingface.co/api/models/a/b") == {"Authorization": "Bearer hf_a"}
    assert access.headers("https://huggingface.co:443/a/b") == {"Authorization": "Bearer hf_a"}
    assert access.headers("https://modelscope.cn/models/a/b")["Cookie"] == "m_session_id=ms_b"
    for address in (
        "http://huggingface.co/a/b",
        "https://huggingface.co.example.org/a",
        "https://cdn-lfs.huggingface.co/a",
        "https://huggingface.co:8443/a",
        "https://example.org/huggingface.co",
        "https://huggingface.co@example.org/",
    ):
        assert access.headers(address) == {}


def test_tokens_are_found_where_hf_auth_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hf_kept\n")
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "token").write_text("hf_home")
    kept = {"HF_TOKEN_PATH": str(tmp_path / "token")}
    assert read_access(kept).hf_token == "hf_kept"
    assert read_access({"HF_HOME": str(tmp_path / "else")}).hf_token == "hf_home"
    assert read_access({**kept, "HF_TOKEN": " hf_set\n"}).hf_token == "hf_set"
    assert read_access({"HF_TOKEN_PATH": str(tmp_path)}).hf_token is None
    assert read_access({"MODELSCOPE_API_TOKEN": "ms"}).ms_token == "ms"
    for strange in (b"\xff\xfe", b"a\nb: c", b"", "schlüssel".encode()):
        (tmp_path / "token").write_bytes(strange)
        assert read_access(kept).hf_token is None


@pytest.mark.parametrize("variable", ["HF_TOKEN", "MODELSCOPE_API_TOKEN"])
def test_a_token_that_would_be_a_header_of_its_own(variable: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=variable):
        read_access({variable: "a\r\nX-Evil: 1", "HF_TOKEN_PATH": str(tmp_path)})


def test_mirrors(tmp_path: Path) -> None:
    access = read_access({"HF_ENDPOINT": "https://hf-mirror.com/", "HF_TOKEN_PATH": str(tmp_path)})
    assert address_of(HubReference("hf", "a/b", "c d#.gguf"), "main", access) == (
        "https://hf-mirror.com/a/b/resolve/main/c%20d%23.gguf"
    )
    for bad in ("hf-mirror.com", "ftp://a", "https://"):
        with pytest.raises(UsageError, match="HF_ENDPOINT"):
            read_access({"HF_ENDPOINT": bad})


def test_pages_for_people() -> None:
    assert page_of("https://huggingface.co/api/models/a/b/revision/main?blobs=true") == "https://huggingface.co/a/b"
    assert page_of("https://huggingface.co/a/b/resolve/main/c.gguf") == "https://huggingface.co/a/b"
    assert page_of("https://modelscope.cn/api/v1/models/a/b/repo/files") == "https://modelscope.cn/models/a/b"
    assert page_of("https://modelscope.cn/models/a/b/resolve/master/c") == "https://modelscope.cn/models/a/b"
