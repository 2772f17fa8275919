"""What all tests share."""

import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Who starts the tests in the background ignores interrupts, and so would every process that they start and interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="leave out the tests that are named in slow_tests.txt")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--fast"):
        slow = set(Path(__file__).with_name("slow_tests.txt").read_text().split())
        left = [item for item in items if item.nodeid.partition("[")[0] not in slow]
        config.hook.pytest_deselected(items=[item for item in items if item not in left])
        items[:] = left


@pytest.fixture(scope="session")
def shared() -> Path:
    """The development data beside the project; the product never needs it."""
    for folder in (os.environ.get("EDGEFRONT_SHARED"), ROOT.parent / "shared"):
        if folder and Path(folder, "data").is_dir():
            return Path(folder)
    pytest.skip("the development data is not here: neither ../shared nor $EDGEFRONT_SHARED has a folder data")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployed model, to read only."""
    from field_bundle import deploy  # torch, which most tests do without

    folder = tmp_path_factory.mktemp("bundle") / "model"
    deploy(folder)
    return folder
