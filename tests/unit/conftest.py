"""How hypothesis searches in the unit tests."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

# The same examples on every machine and in every run, nothing written into the project, no limit on a busy host.
set_hypothesis_home_dir(Path(tempfile.gettempdir(), "edgefront-hypothesis"))
settings.register_profile("edgefront", database=None, deadline=None, derandomize=True, max_examples=60)
settings.load_profile("edgefront")
