"""Tell which values of the search space the front needs, and suggest a grid without the others."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from workflow_lib.analysis.candidate_tables import FRONT
from workflow_lib.analysis.choice_tables import CHOICES
from workflow_lib.analysis.choices import assess_choices, describe_choices, suggestion_text
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.files import write_text
from workflow_lib.core.running import run_stage
from workflow_lib.core.seeds import derive_seed
from workflow_lib.pareto.front_config import FrontConfig
from workflow_lib.spaces.grid_config import GridSpace

CONTRACT = 1


class ChoicesArguments(Arguments):
    """Flags of the stage."""

    space: GridSpace = Field(description="the search space (JSON)")
    channel_sets: dict[str, list[str]] = Field(description="channel sets of the run: name -> bands and indices")
    recipes: dict[str, dict[str, Any]] | None = Field(default=None, description="training recipes of the run, if any")
    front_config: FrontConfig
    seed: int = Field(default=42, description="base seed of the run")
    ranked: Path = Field(description="ranked.parquet of build_front")
    choices: list[Path] = Field(description="output: what the front needs of each choice (.parquet, .csv)")
    suggestion: Path = Field(description="output: the section `grid` without the values that can be dropped (YAML)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ChoicesArguments.parse(__doc__, argv)
    choices = assess_choices(
        FRONT.read_nonempty(arguments.ranked),
        arguments.space,
        arguments.front_config,
        derive_seed(arguments.seed, "assess_choices"),
    )
    sentences = describe_choices(choices)
    for path in arguments.choices:
        CHOICES.write(choices, path)
    text = suggestion_text(choices, arguments.space, arguments.channel_sets, arguments.recipes)
    write_text(arguments.suggestion, "".join(f"# {sentence}\n" for sentence in sentences) + text)
    print(*sentences, sep="\n", file=sys.stderr)


if __name__ == "__main__":
    run_stage(main)
