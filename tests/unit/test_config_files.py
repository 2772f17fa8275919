"""What is written in a configuration file is what is meant."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from workflow_lib.config import parse_config
from workflow_lib.core.config_files import read_config_files, strict_config
from workflow_lib.core.errors import ConfigError

CONFIGS = sorted((Path(__file__).parents[2] / "config").rglob("*.yaml"))


def read(text: str, path: Path) -> dict[str, Any]:
    path.write_text(text)
    return read_config_files([path], {})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("050", "050"), ("1:00", "1:00"), ("yes", "yes"), ("no", "no"), ("on", "on"), ("2024-01-02", "2024-01-02"),
        ("2024-13-45", "2024-13-45"), ("1_0", "1_0"), ("0x10", "0x10"), ("1e-3", "1e-3"), ("1.10", "1.10"),
        ("5", 5), ("-3", -3), ("0.001", 0.001), ("-0.5", -0.5), ("true", True), ("False", False), ("~", None),
        ("", None), ("'5'", "5"), ('"true"', "true"), ("[1, 050]", [1, "050"]),
        ("{5: a, no: b}", {"5": "a", "no": "b"}),
    ],
)  # fmt: skip
def test_scalars_are_numbers_only_as_they_are_usually_spelled(written: str, meant: object, tmp_path: Path) -> None:
    assert read(f"key: {written}\n", tmp_path / "a.yaml") == {"key": meant}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "key a is given twice, in lines 1 and 3"),
        ("a:\n  b: {x: 1, x: 2}\n", "key x is given twice, in lines 2 and 2"),
        ("a: {5: 1, '5': 2}\n", "key 5 is given twice"),
        ('{"a": 1, "a": 2}', "key a is given twice"),
        ("- a\n", "holds a list"),
        ("a: [\n", "neither YAML nor JSON"),
        ("? [1]\n: 2\n", "a key is not text"),
        ("a: !!python/name:os.system\n", "neither YAML nor JSON"),
        ("a: &x [1]\nb: *y\n", "neither YAML nor JSON"),
    ],
)
def test_what_means_nothing_is_one_line_that_names_the_file(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message) as refusal:
        read(text, tmp_path / "a.yaml")
    assert str(refusal.value).startswith(str(tmp_path / "a.yaml"))
    assert "\n" not in str(refusal.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_config_files([tmp_path / "absent.yaml"], {})
    (tmp_path / "latin.yaml").write_bytes("title: Gr\xfc\xdfe\n".encode("latin-1"))
    with pytest.raises(ConfigError, match="is not UTF-8"):
        read_config_files([tmp_path / "latin.yaml"], {})


def test_later_files_and_overrides_change_single_keys(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("x: {y: 1, z: 2}\nw: 3\n")
    (tmp_path / "b.yaml").write_text("x: {y: 5}\n")
    found = read_config_files([tmp_path / "a.yaml", tmp_path / "b.yaml"], {"x": {"z": 6}})
    assert found == {"x": {"y": 5, "z": 6}, "w": 3}


def test_merge_keys_may_be_overridden(tmp_path: Path) -> None:
    text = "base: &base {x: 1, y: 2}\nown:\n  <<: *base\n  x: 3\n"
    assert read(text, tmp_path / "a.yaml")["own"] == {"x": 3, "y": 2}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_our_own_configurations_mean_what_they_meant(path: Path) -> None:
    assert parse_config(read_config_files([path], {})) == parse_config(yaml.safe_load(path.read_text()))


def test_a_configuration_from_elsewhere_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("x: 050\n")
    assert strict_config({"x": 40}, [tmp_path / "a.yaml"], {}) == {"x": "050"}
    assert strict_config({"y": 40}, [tmp_path / "a.yaml"], {}) == {"y": 40}
