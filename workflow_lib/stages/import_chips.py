"""Read all chips into one memory-mapped array and describe them in tables."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from pydantic import Field

from workflow_lib.core import provenance
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.files import atomic_path
from workflow_lib.core.running import run_stage
from workflow_lib.core.sealed import save_array, seal
from workflow_lib.data.chip_tables import BANDS, CHIPS, NOTICES, REJECTED
from workflow_lib.data.chips import import_chips
from workflow_lib.data.data_config import DataConfig

CONTRACT = 3


class ImportArguments(Arguments):
    """Flags of the stage."""

    data: DataConfig
    array: Path = Field(description="output: (chips, height, width, bands) array (.npy)")
    moments: Path = Field(description="output: mean and variance of each chip's bands (.npy)")
    chips: Path = Field(description="output: table of chips")
    bands_table: Path = Field(description="output: table of bands with ranges and nodata per region")
    rejected: Path = Field(description="output: table of dropped chips")
    notices: Path = Field(description="output: table of ignored files and oddities in the data")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ImportArguments.parse(__doc__, argv)
    outputs = (
        arguments.moments, arguments.chips, arguments.bands_table, arguments.rejected, arguments.notices,
        arguments.array,
    )  # fmt: skip
    with ExitStack() as stack:  # all files appear together
        moments, chips, bands, rejected, notices, array = [stack.enter_context(atomic_path(path)) for path in outputs]
        imported = import_chips(arguments.data, Path(arguments.data.root), array)
        save_array(moments, imported.moments)
        seal(array)
        provenance.record_data(array)
        CHIPS.write(imported.chips, chips)
        BANDS.write(imported.bands, bands)
        REJECTED.write(imported.rejected, rejected)
        NOTICES.write(imported.notices.table(), notices)
    imported.notices.warn("import_chips")


if __name__ == "__main__":
    run_stage(main)
