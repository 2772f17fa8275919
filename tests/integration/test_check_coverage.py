"""A coverage check that is given no network."""

import io
from pathlib import Path

import pytest

from workflow_lib.core.errors import UserError
from workflow_lib.stages.check_coverage import main
from workflow_lib.stages.import_package import main as import_package


def test_no_network_at_all_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: Path) -> None:
    package = str(shared / "data" / "nn_meter" / "k8_cpu")
    flags = ["--device", "k8", "--package", package, "--unit", "us"]
    import_package([*flags, "--published", str(tmp_path / "none.zip"), "--output", str(tmp_path / "k8")])
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    flags = ["--kind", "package", "--package", package, "--device", "k8", "--predictor", str(tmp_path / "k8")]
    with pytest.raises(UserError, match="check_coverage: no paths on standard input"):
        main([*flags, "--output", str(tmp_path / "coverage.parquet")])
    assert not (tmp_path / "coverage.parquet").exists()
