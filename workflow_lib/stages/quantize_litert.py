"""Quantize the LiteRT file of one untrained network, to measure it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.files import atomic_path
from workflow_lib.core.running import run_stage
from workflow_lib.export.litert_quantizer import quantize_untrained

CONTRACT = 1


class QuantizeArguments(Arguments):
    """Flags of the stage."""

    precision: Literal["fp16", "int8"] = Field(description="fp16 or int8")
    model: Path = Field(description="float32 file of export_litert")
    output: Path = Field(description="output: the quantized LiteRT file")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = QuantizeArguments.parse(__doc__, argv)
    model = quantize_untrained(arguments.model.read_bytes(), arguments.precision)
    with atomic_path(arguments.output) as temporary:
        temporary.write_bytes(model)


if __name__ == "__main__":
    run_stage(main)
