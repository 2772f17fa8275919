"""What all tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The development data beside the project; the product never needs it."""
    for folder in (os.environ.get("EDGEFRONT_SHARED"), ROOT.parent / "shared"):
        if folder and Path(folder, "data").is_dir():
            return Path(folder)
    pytest.skip("the development data is not here: neither ../shared nor $EDGEFRONT_SHARED has a folder data")
