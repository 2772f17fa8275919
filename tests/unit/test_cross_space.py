"""The declaration of the CROSS space and the ids of its networks."""

import pytest

from workflow_lib.core.errors import ConfigError
from workflow_lib.spaces.cross.cross_architecture import Architecture, architectures, raw_configurations


def test_288_configurations_are_180_networks() -> None:
    assert len(list(raw_configurations())) == 288
    assert len(architectures()) == 180


def test_an_id_reads_back_and_is_unique() -> None:
    ids = [str(architecture) for architecture in architectures()]
    assert len(set(ids)) == 180
    assert list(map(Architecture.parse, ids)) == architectures()


@pytest.mark.parametrize(
    ("text", "architecture"),
    [
        ("k3-s2-p1-pool3s2-w32", Architecture(3, 2, 1, (3, 2), 32)),
        ("k3-s2-p1-nopool-w32", Architecture(3, 2, 1, None, 32)),
        ("k7-s2-p3-pool3s2-w64", Architecture(7, 2, 3, (3, 2), 64)),
        ("k7-s2-p3-pool3s2-w64-f9", Architecture(7, 2, 3, (3, 2), 64, fold=9)),
    ],
)
def test_spelling(text: str, architecture: Architecture) -> None:
    assert str(architecture) == text
    assert Architecture.parse(text) == architecture


@pytest.mark.parametrize(
    "text",
    [
        "",
        "k3-s2-p1-w32",
        "k3-s2-p1-nopool-w32-f1",
        "k3-s2-p1-nopool-w32-f2",
        "k3-s2-p1-nopool-w32-f04",
        "k03-s2-p1-nopool-w32",
        "k3-s2-p1-pool3-w32",
        " k3-s2-p1-nopool-w32",
        "k3-s2-p1-nopool-w32\n",
        "k٣-s2-p1-nopool-w32",
    ],
)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not an architecture id"):
        Architecture.parse(text)
