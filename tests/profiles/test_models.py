"""The list of models: true to the shapes, read strictly, and of use on small machines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autoglm_lite.errors import ProfileError
from autoglm_lite.profiles.files import MODELS, profiles_dir
from autoglm_lite.profiles.models import LEAST_SPEED, needed_bytes, read_models, recommended, suited
from tests.planning.models import QWEN_1_5B

ROOT = Path(__file__).parents[2]
PUBLISHED = {
    "Qwen2.5 0.5B Instruct": 494_032_768,
    "Qwen2.5 1.5B Instruct": 1_543_714_304,
    "Qwen2.5 7B Instruct": 7_615_616_512,
    "Qwen3 8B": 8_190_735_360,
    "Gemma 3 270M IT": 268_098_176,
    "Llama 3.2 1B Instruct": 1_235_814_400,
    "Llama 3.2 3B Instruct": 3_212_749_824,
    "Gemma 2 2B IT": 2_614_341_888,
    "Phi-3 Mini 4K Instruct": 3_821_079_552,
    "SmolLM2 135M Instruct": 134_515_008,
    "SmolLM3 3B": 3_075_098_624,
}
"""Parameters as the models' makers count them."""


def test_it_is_what_the_script_writes() -> None:
    code = "import sys; sys.path.insert(0, '.'); from scripts.model_sizes import page; print(page(), end='')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (profiles_dir() / MODELS).read_text(encoding="utf-8") == done.stdout


def test_the_sizes_are_those_of_real_files() -> None:
    known = {model.name: model for model in read_models()}
    assert {name: known[name].parameters for name in PUBLISHED} == PUBLISHED
    # The file of this shape that our benchmarks make.
    assert known["Qwen2.5 1.5B Instruct"].bytes_by_type["Q4_K_M"] == pytest.approx(QWEN_1_5B.tensor_bytes, rel=1e-3)
    assert known["Qwen2.5 1.5B Instruct"].kv_bytes == 28672


def test_what_is_offered_is_as_large_as_its_makers_say() -> None:
    """Bytes of the files at the hubs, as those who fetch them have written down; vocabulary and header come on top."""
    known = {model.name: model for model in read_models()}
    for name, n_bytes in (
        ("Llama 3.2 1B Instruct", 807_694_464),
        ("Phi-4 Mini Instruct", 2_491_874_272),
        ("Gemma 3 4B IT", 2_489_894_016),
        ("Qwen3 4B Instruct 2507", 2_497_281_120),
        ("InternLM3 8B Instruct", 5_358_623_936),
    ):
        assert n_bytes - 20_000_000 < known[name].bytes_by_type["Q4_K_M"] < n_bytes


def test_each_is_told_once_and_glm_comes_first() -> None:
    models = read_models()
    assert [model.family for model in models[:6]] == ["GLM"] * 6
    assert len({model.name for model in models}) == len({model.reference for model in models}) == len(models)
    for model in models:
        sizes = list(model.bytes_by_type.values())
        assert sizes == sorted(sizes)


@pytest.mark.parametrize("gigabytes", [0.6, 1, 1.5, 2, 3, 4, 6, 8])
def test_what_is_recommended_fits(gigabytes: float) -> None:
    memory = int(gigabytes * 1e9)
    found = recommended(read_models(), memory)
    assert found is not None
    assert found.needed == needed_bytes(found.model, found.model.bytes_by_type[found.type])
    assert memory / 3 <= found.needed <= 0.9 * memory


def test_nothing_is_recommended_for_next_to_no_memory() -> None:
    assert recommended(read_models(), 10**8) is None


@pytest.mark.parametrize(("gigabytes", "gigabytes_a_second"), [(1.5, 10), (3, 10), (7, 10), (7, 60), (3, 2)])
def test_what_suits_can_be_had_fits_and_is_quick_where_anything_is(gigabytes: float, gigabytes_a_second: float) -> None:
    memory = int(gigabytes * 1e9)
    found = suited(read_models(), memory, lambda n_bytes: gigabytes_a_second * 1e9 / n_bytes)
    assert found
    speeds = [gigabytes_a_second * 1e9 / one.model.bytes_by_type[one.type] for one in found]
    n_quick = sum(speed >= LEAST_SPEED for speed in speeds)
    assert all(speed >= LEAST_SPEED for speed in speeds[:n_quick])
    parameters = [one.model.parameters for one in found[:n_quick]]
    assert parameters == sorted(parameters, reverse=True)
    for one in found:
        assert one.needed <= 0.9 * memory
        assert one.model.files[one.type].endswith(".gguf")
        assert one.model.good_at


MODEL = """\
[[model]]
id = "a-1b"
name = "A"
family = "F"
reference = "hf:a/b"
parameters = 1_000
context = 2_048
kv_bytes = 512
licence = "MIT"
bytes = { Q4_0 = 600, Q8_0 = 1_100 }
"""
MORE = 'files = { Q4_0 = "hf:a/b/c.gguf" }\ngood_at = ["code"]\n'


def test_a_list_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(MODEL + MORE)
    (model,) = read_models(path)
    assert (dict(model.files), model.good_at) == ({"Q4_0": "hf:a/b/c.gguf"}, ("code",))
    assert (model.name, model.context, dict(model.bytes_by_type)) == ("A", 2048, {"Q4_0": 600, "Q8_0": 1100})


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("hf:a/b/c.gguf", "https://a/b/c.gguf", 'line 11: Q4_0 must be such as "hf:org/repo/file.gguf".'),
        ("Q4_0 =", "Q6_K =", "line 11: Q6_K is not known here; "),
        ("code", "cooking", "line 12: good_at cannot hold 'cooking'"),
    ],
)
def test_a_mistake_about_where_to_get_it(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    path = tmp_path / "models.toml"
    path.write_text(MODEL + MORE.replace(old, new))
    with pytest.raises(ProfileError) as caught:
        read_models(path)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ('name = "A"', "", 12, "this model has no name."),
        ("a-1b", "A 1B", 13, "id must be of small letters, digits, points and hyphens."),
        ('licence = "MIT"\n', "", 12, "this model has no licence."),
        ("licence", "license", 20, "license is not known here; perhaps licence is meant."),
        ("hf:a/b", "a/b", 16, 'reference must be such as "hf:org/repo".'),
        ("1_000", '"1000"', 17, "parameters must be a whole number"),
        ("Q4_0", "Q4_X", 21, "Q4_X is not known here; perhaps "),
        ("600", "true", 21, "Q4_0 must be a size"),
        ("{ Q4_0 = 600, Q8_0 = 1_100 }", "{}", 21, "bytes must give at least one type."),
        ("{ Q4_0 = 600, Q8_0 = 1_100 }", "600", 21, "bytes must be a table"),
        ("[[model]]", "[[models]]", 12, "models is not known here; perhaps model is meant."),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, sentence: str) -> None:
    path = tmp_path / "models.toml"
    path.write_text(f"{MODEL}\n{MODEL.replace(old, new, 1)}")
    with pytest.raises(ProfileError) as caught:
        read_models(path)
    assert f"{caught.value}".startswith(f"{path}, line {line}: {sentence}")
