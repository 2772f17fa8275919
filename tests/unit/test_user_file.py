"""Networks that a user's file describes: their ids, modules and refusals."""

from pathlib import Path

import pytest
import torch

from workflow_lib.core.errors import ConfigError, UserError
from workflow_lib.models.modules import to_module
from workflow_lib.spaces.networks import parse
from workflow_lib.spaces.user_file import FILE_VARIABLE, UserNetwork, read_space

FILE = Path(__file__).with_name("own_networks.py")


def test_ids_are_those_of_the_choices_and_read_back() -> None:
    space = read_space(str(FILE))
    names = space.networks()
    assert len(names) == space.size == 8
    assert names[0] == "own-ownnetworks-width4-act.relu-prenorm.false"
    for name in names:
        assert str(parse(name)) == name
        assert space.build(space.parse(name)) == name
        assert parse(name).dimensions().keys() == {"width", "act", "prenorm"}


@pytest.mark.parametrize("text", ["own-", "own-a", "own-a-3", "own-a-w.", "own-a-w3-", "own-a_b-w3", "own--w3"])
def test_other_texts_are_no_ids(text: str) -> None:
    with pytest.raises(ConfigError):
        UserNetwork.parse(text)
        parse(text)


def test_a_network_is_built_by_its_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FILE_VARIABLE, str(FILE))
    module = to_module("own-ownnetworks-width8-act.tanh-prenorm.true", 5, 3, size_px=40)
    assert module(torch.zeros(2, 5, 40, 40)).shape == (2, 3)
    assert module.training
    with pytest.raises(UserError, match="does not describe the network own-ownnetworks-width9"):
        to_module("own-ownnetworks-width9-act.tanh-prenorm.true", 5, 3)
    monkeypatch.delenv(FILE_VARIABLE)
    with pytest.raises(UserError, match=r"not set, but own-ownnetworks-.* is from a user's file"):
        to_module("own-ownnetworks-width8-act.tanh-prenorm.true", 5, 3)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return None", "returned a NoneType, not a torch module"),
        ("return 1 / 0", r"failed \(ZeroDivisionError: division by zero\)"),
        ("return nn.Flatten()", r"is \(2, 4800\), but must be \(2, 3\)"),
        ("return nn.Linear(7, 3)", "cannot take images of shape"),
    ],
)
def test_a_build_function_that_is_wrong_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, message: str
) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(
        f"from torch import nn\nCHOICES = {{'w': [1]}}\ndef build(choice, channels, classes):\n    {body}\n"
    )
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    with pytest.raises(UserError, match=message):
        to_module("own-wrong-w1", 3, 3, size_px=40)


def test_choices_that_are_computed_are_read_by_running_the_file(tmp_path: Path) -> None:
    file = tmp_path / "computed.py"
    file.write_text("CHOICES = {'w': [2**n for n in range(3)], 'k': [(1, 3), (3, 3)]}\ndef build(*_): ...\n")
    assert read_space(str(file)).networks()[:3] == [
        "own-computed-w1-k1x3", "own-computed-w1-k3x3", "own-computed-w2-k1x3",
    ]  # fmt: skip


@pytest.mark.parametrize("choices", ["{[1]: [2]}", "{'w': {[1]}}"])
def test_literals_that_cannot_be_built_are_refused(tmp_path: Path, choices: str) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(f"CHOICES = {choices}\ndef build(*_): ...\n")
    with pytest.raises(UserError, match=r"cannot be run \(TypeError: unhashable type: 'list'\)"):
        read_space(str(file))
