"""That the tests' own splitting of GGUFs is llama.cpp's, and what our reader makes of the parts."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf import Header, read_facts
from autoglm_lite.gguf.facts import facts_of
from autoglm_lite.gguf.parts import join_headers, part_names, whole_name
from autoglm_lite.gguf.reader import read_header_of
from tests.gguf.splitting import merged, split, write_parts
from tests.gguf.tiny import I32, MODELS, U16, Tiny, llama, numbers, single, text

DIGESTS = {
    ("llama", 5): ("84f07c2f3a8087a7", "efc9bd06117e951a"),
    ("qwen3", 5): ("9721872f02512691", "d7464516b4b303e5"),
    ("mixtral", 7): ("39b291948e07a509", "cb932abb962b157c"),
    ("gemma3", 7): ("bbab19e3deb127df", "da1ac061e1bf7934"),
}
"""The first digits of the SHA-256 of all parts that `llama-gguf-split --split-max-tensors N` wrote of a tiny model, and
of what its --merge made of them (the llama.cpp of llama-cpp-python 0.3.36). Where N is 7 it was told to put no
tensors into the first part."""


def headers(parts: list[bytes]) -> list[Header]:
    return [
        read_header_of(io.BytesIO(part), len(part), Path(f"{no}.gguf"), parts=True) for no, part in enumerate(parts)
    ]


@pytest.mark.parametrize(("kind", "most"), DIGESTS)
def test_splits_are_those_of_gguf_split(kind: str, most: int) -> None:
    content = MODELS[kind]().encode()
    total = len(MODELS[kind]().tensors)
    counts = [0] * (most == 7) + [min(most, total - i) for i in range(0, total, most)]
    found = b"".join(split(content, counts)), merged(content)
    assert tuple(hashlib.sha256(one).hexdigest()[:16] for one in found) == DIGESTS[kind, most]


def test_the_header_of_the_one_file_is_known_from_those_of_its_parts(tmp_path: Path) -> None:
    content = MODELS["qwen3"]().encode()
    total = len(MODELS["qwen3"]().tensors)
    (tmp_path / "whole.gguf").write_bytes(merged(content))
    whole = read_facts(tmp_path / "whole.gguf")
    joined = join_headers(headers(split(content, [3, 0, 1, total - 4]))).header
    found = facts_of(joined)
    assert {name: getattr(found, name) for name in found.__slots__ if name not in ("path", "name")} == {
        name: getattr(whole, name) for name in whole.__slots__ if name not in ("path", "name")
    }


def test_a_part_alone_is_refused_with_what_to_do(tmp_path: Path) -> None:
    paths = write_parts(tmp_path, "a b", split(llama().encode(), [5, len(llama().tensors) - 5]))
    with pytest.raises(ModelFileError) as caught:
        read_facts(paths[1])
    assert f"one of 2 parts of a model; join them with `autoglm-lite models import '{paths[0]}'`" in str(caught.value)


def refusal(parts: list[bytes]) -> str:
    with pytest.raises(ModelFileError) as caught:
        join_headers(headers(parts))
    return str(caught.value)


def with_keys(part: int, **keys: int) -> bytes:
    """A part of nothing that says of itself what it likes."""
    entries = [single(f"split.{name.replace('_', '.')}", U16, value) for name, value in keys.items()]
    return Tiny([text("general.name", f"part {part}"), *entries], []).encode()


def test_what_does_not_belong_together_is_refused() -> None:
    whole = llama().encode()
    total = len(llama().tensors)
    a, b, c = split(whole, [4, 4, total - 8])
    assert "is one of 3 parts and 2 are here" in refusal([a, b])
    assert "is part 3 where part 2 belongs" in refusal([a, c, b])
    assert "is part 1 where part 2 belongs" in refusal([a, a, c])
    assert "speaks of 2 parts and 0.gguf of 3" in refusal([a, split(whole, [4, total - 4])[1], c])
    other = split(MODELS["qwen3"]().encode(), [4, 4, len(MODELS["qwen3"]().tensors) - 8])
    assert "tensors and its parts have" in refusal([a, b, other[2]])
    assert "is a whole model" in refusal([whole])
    assert "is in another part as well" in refusal([a, split(whole, [0, 4, total - 4])[1], c])


def test_hostile_counts_are_refused() -> None:
    assert "claims to be one of 60,000 parts" in refusal([with_keys(0, no=0, count=60_000, tensors_count=0)])
    assert "speaks of -1 tensors" in refusal([with_keys(no, no=no, count=2) for no in (0, 1)])
    listed = Tiny([numbers("split.count", I32, [1, 2])], []).encode()
    assert "'split.count' should be a number" in refusal([listed])


def test_names_of_parts() -> None:
    assert part_names("m-Q4_0-00002-of-00003.gguf") == tuple(f"m-Q4_0-0000{no}-of-00003.gguf" for no in (1, 2, 3))
    assert whole_name("m-Q4_0-00002-of-00003.gguf") == "m-Q4_0.gguf"
    for name in ("m.gguf", "m-00004-of-00003.gguf", "m-00000-of-00003.gguf", "m-00001-of-99999.gguf", "m-1-of-3.gguf"):
        assert part_names(name) == ()
    assert whole_name("m.gguf") == "m.gguf"
