"""Survey any table of models: fronts, ranks, relative efficiency, figures and a page.

Example: python -m workflow_lib.survey --table models.csv --maximise accuracy_pct --minimise latency_ms memory_mb
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from workflow_lib.analysis.efficiency_tables import DOMINANCE, EFFICIENCY, EFFICIENCY_SAMPLES
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.errors import ConfigError, UserError
from workflow_lib.core.files import write_text
from workflow_lib.core.running import run_stage
from workflow_lib.core.table_files import read_any
from workflow_lib.report.plots.style import save_figures
from workflow_lib.survey.fronts import pair_fronts, rank_models
from workflow_lib.survey.models import Models, read_models
from workflow_lib.survey.survey_efficiency import Efficiency, score_survey
from workflow_lib.survey.survey_page import render_survey
from workflow_lib.survey.survey_plots import survey_fronts
from workflow_lib.survey.survey_tables import PAIR_FRONTS, SURVEYED

_TABLES = (".parquet", ".csv")
_DPI = 200


class SurveyArguments(Arguments):
    """Flags of the command."""

    table: Path = Field(description="table with one row per model (.csv, .parquet)")
    name: str = Field(default="model", description="column with the names of the models")
    maximise: list[str] = Field(default=[], description="columns for which higher is better")
    minimise: list[str] = Field(default=[], description="columns for which lower is better")
    deviation: list[str] = Field(
        default=[], description="columns with standard deviations, as COLUMN=COLUMN, such as latency_ms=latency_std_ms"
    )
    repeats: bool = Field(
        default=False,
        description="rows with the same name are repeated measurements; their means and standard deviations are used",
    )
    returns: Literal["variable", "constant"] = Field(
        default="variable", description="returns to scale of the relative efficiency"
    )
    orientation: Literal["input", "output"] = Field(
        default="input", description="what efficiency compares: costs at equal benefits, or benefits at equal costs"
    )
    samples: int = Field(default=1000, ge=10, description="number of samples of the efficiency")
    seed: int = Field(default=42, ge=0, description="seed of the samples")
    title: str | None = Field(default=None, description="heading of the page; default: the name of the table")
    output: Path | None = Field(
        default=None, description="output: folder of the page, tables and figures; default: TABLE_survey"
    )

    @property
    def directions(self) -> dict[str, str]:
        """Column -> max or min.

        Raises:
            ConfigError: if there are fewer than two columns, one is named twice, or has a line break in its name.
        """
        columns = [*self.maximise, *self.minimise]
        if len(columns) < 2:
            raise ConfigError("a front needs two columns or more", "--maximise and --minimise", "name them")
        if twice := sorted({column for column in columns if columns.count(column) > 1}):
            raise ConfigError(f"{twice[0]} is named twice", "--maximise and --minimise", "name each column once")
        if broken := [column for column in columns if not column.isprintable()]:
            raise ConfigError(f"{broken[0]!r} is no name of a column", "--maximise and --minimise", "rename the column")
        return dict.fromkeys(self.maximise, "max") | dict.fromkeys(self.minimise, "min")

    @property
    def deviations(self) -> dict[str, str]:
        """Column -> column with its standard deviation.

        Raises:
            ConfigError: if a value has no =, or names a column that is not surveyed.
        """
        pairs = {}
        for text in self.deviation:
            parts = text.split("=")  # names of columns may hold a =
            splits = {"=".join(parts[:place]): "=".join(parts[place:]) for place in range(1, len(parts))}
            column = next((name for name in splits if name in self.directions), None)
            if column is None or not splits[column]:
                advice = f"write COLUMN=COLUMN for one of {', '.join(self.directions)}"
                raise ConfigError(f"{text} names no column of the survey", "--deviation", advice)
            pairs[column] = splits[column]
        if pairs and self.repeats:
            raise ConfigError("the deviations are those of the repeats", "--deviation", "remove it, or --repeats")
        return pairs


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    arguments = SurveyArguments.parse(__doc__, argv)
    models = _read(arguments)
    fronts = pair_fronts(models)
    surveyed = rank_models(models, fronts, arguments.seed)
    scored = score_survey(models, arguments.returns, arguments.orientation, arguments.samples, arguments.seed)
    title = arguments.title or f"Survey of {arguments.table.stem}"
    page = render_survey(title, models, surveyed, fronts, scored)
    folder = arguments.output or arguments.table.with_name(f"{arguments.table.stem}_survey")
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in _TABLES:
        SURVEYED.write(surveyed, folder / f"models{suffix}")
        PAIR_FRONTS.write(fronts, folder / f"pair_fronts{suffix}")
    _write_efficiency(scored, folder)
    save_figures([folder / "fronts.png", folder / "fronts.pdf"], _DPI, lambda _: survey_fronts(models, surveyed))
    write_text(folder / "survey.html", page)
    print(f"survey: {folder / 'survey.html'}")


def _read(arguments: SurveyArguments) -> Models:
    table = read_any(arguments.table)
    try:
        return read_models(table, arguments.name, arguments.directions, arguments.deviations, arguments.repeats)
    except ConfigError:
        raise
    except UserError as error:
        raise UserError(error.what, arguments.table, error.fix) from None


def _write_efficiency(scored: Efficiency, folder: Path) -> None:
    if scored.scored is None:
        print(f"survey: {scored.note}")
        return
    for suffix in _TABLES:
        EFFICIENCY.write(scored.scored.scores, folder / f"efficiency{suffix}")
        DOMINANCE.write(scored.scored.dominance, folder / f"dominance{suffix}")
    EFFICIENCY_SAMPLES.write(scored.scored.samples, folder / "efficiency_samples.parquet")


if __name__ == "__main__":
    run_stage(main)
