"""The table of what the front needs of each choice of the search space."""

from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

CHOICES = Table(
    "choices",
    (
        Column("dimension", "text", meaning="configuration key of the choice, or column of the candidates table"),
        Column("value", "text", meaning="one of its values"),
        Column("candidates", "integer", meaning="number of candidates with this value", low=1),
        Column("on_front", "integer", meaning="number of them on the front", low=0),
        percent("front_pct", "share of them on the front"),
        percent("front_low_pct", "lower end of its 95 % interval (Wilson)"),
        percent("front_high_pct", "upper end of its 95 % interval (Wilson)"),
        percent("resamples_pct", "share of the fold resamples in which at least one of them is on the front"),
        percent("hypervolume_lost_pct", "share of the front's hypervolume that would be lost without the value"),
        Column("trainings", "integer", meaning="number of trainings that would not be needed without the value", low=0),
        Column("needed", "flag", meaning="whether the front needs the value: see resamples_pct"),
    ),
    key=("dimension", "value"),
)

CHOICES_RESULT = Result(
    "choices",
    CHOICES,
    "assess_choices/choices.parquet",
    when=lambda config: not config.assembled,
    meaning="how often each value of each choice is on the front, and what the front would lose without it",
)
