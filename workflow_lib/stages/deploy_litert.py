"""Write the deployed network as LiteRT files, and compare them with its ONNX file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field

from workflow_lib.analysis.candidate_tables import FRONT
from workflow_lib.analysis.ranked_front import pick_candidate
from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.core.files import atomic_path
from workflow_lib.core.running import run_stage
from workflow_lib.data.dataset import Dataset, DatasetArguments
from workflow_lib.field.converted_network import load_network
from workflow_lib.field.field_tables import LITERT_FILES
from workflow_lib.field.litert_deployment import deploy_litert
from workflow_lib.training.compute import use_one_thread

CONTRACT = 1


class LiteRtArguments(DatasetArguments):
    """Flags of the stage."""

    precisions: list[Literal["fp32", "fp16", "dynamic", "int8"]] = Field(description="precision of each file")
    conversion: ConversionConfig
    channel_sets: dict[str, list[str]] = Field(description="channel sets of the run: name -> bands and indices")
    seed: int = Field(description="base seed of the run")
    ranked: Path = Field(description="ranked.parquet of build_front")
    candidate: str = Field(description="name of a candidate, or `recommended`")
    weights: Path = Field(description="weights of deploy_model")
    model: Path = Field(description="model.onnx of deploy_model")
    files: list[Path] = Field(description="output: the LiteRT files, in the order of the precisions")
    output: list[Path] = Field(description="output: size and agreement of each file (.parquet, .csv)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = LiteRtArguments.parse(__doc__, argv)
    use_one_thread()
    dataset = Dataset.open(arguments)
    candidate = pick_candidate(FRONT.read(arguments.ranked), arguments.candidate)
    channels = arguments.channel_sets[candidate["channels"]]
    network = load_network(dataset, len(channels), candidate["architecture"], arguments.weights)
    made = deploy_litert(
        dataset, channels, network, arguments.model, arguments.precisions, arguments.conversion, arguments.seed
    )
    rows = []
    for path, (content, row) in zip(arguments.files, made, strict=True):
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
        rows.append({"candidate": candidate["candidate"]} | row)
    for path in arguments.output:
        LITERT_FILES.write(pd.DataFrame(rows), path)


if __name__ == "__main__":
    run_stage(main)
