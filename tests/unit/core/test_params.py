from pathlib import Path

import pytest
import yaml

from ostinato.core.errors import ParamsError
from ostinato.core.params import load_params

REPOSITORY = Path(__file__).resolve().parents[3]


def changed(tmp_path: Path, change) -> Path:
    value = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    change(value)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(value))
    return path


def test_the_committed_file_states_every_parameter():
    path = REPOSITORY / "params.yaml"
    assert load_params(path).model_dump(mode="json", by_alias=True) == yaml.safe_load(path.read_text())


def test_all_faults_are_named_at_once(tmp_path: Path):
    def break_it(value):
        value["extrct"] = value.pop("extract")
        value["problems"]["genre"]["search"]["trials"] = "many"
        value["problems"]["genre"]["split"]["kind"] = "random"
        value["name"] = "De.mo"

    with pytest.raises(ParamsError) as caught:
        load_params(changed(tmp_path, break_it))
    text = str(caught.value)
    for part in (
        "extrct: unknown key",
        "extract: missing",
        "problems.genre.search.trials",
        "'random'",
        "'De.mo' is not a name",
    ):
        assert part in text
    assert caught.value.exit_code == 2


def test_a_long_list_of_faults_is_cut(tmp_path: Path):
    with pytest.raises(ParamsError) as caught:
        load_params(changed(tmp_path, lambda value: value.update({f"key{i}": i for i in range(40)})))
    assert "and 28 more" in str(caught.value)
    assert len(str(caught.value).splitlines()) < 20


@pytest.mark.parametrize("text", ["a: [", "\ufeff\x00", "a: b: c"])
def test_what_is_no_yaml_is_named_with_its_file(tmp_path: Path, text: str):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ParamsError, match="params.yaml"):
        load_params(path)


def test_a_missing_file_says_where_to_stand(tmp_path: Path):
    with pytest.raises(ParamsError, match="workspace's root"):
        load_params(tmp_path / "params.yaml")
