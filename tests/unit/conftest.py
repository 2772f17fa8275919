"""What the unit tests share: the development data, and how hypothesis searches."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

# The same examples on every machine and in every run, nothing written into the project, no limit on a busy host.
set_hypothesis_home_dir(Path(tempfile.gettempdir(), "edgefront-hypothesis"))
settings.register_profile("edgefront", database=None, deadline=None, derandomize=True, max_examples=60)
settings.load_profile("edgefront")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The development data beside the project; the product never needs it."""
    beside = Path(__file__).parents[2].parent / "shared"
    for folder in (os.environ.get("EDGEFRONT_SHARED"), beside):
        if folder and Path(folder, "data").is_dir():
            return Path(folder)
    pytest.skip(f"the development data is not here: neither {beside} nor $EDGEFRONT_SHARED has a folder `data`")
