"""The tables of a survey."""

from workflow_lib.core.schema import Column, Table, percent

SURVEYED = Table(
    "surveyed",
    (
        Column("model", "text", meaning="name of the model"),
        Column("rank", "integer", meaning="Pareto rank over all columns; 0 is the front", low=0),
        percent("hypervolume_pct", "share of the hypervolume of the front of all columns that only it dominates"),
        Column("pair_fronts", "integer", meaning="number of pairs of columns on whose front the model is", low=0),
        percent("front_pct", "share of the samples in which the model is on the front of all columns", optional=True),
        Column(r"value_.+", "number", "the column's", "value of the model", family=True),
    ),
    key=("model",),
)

PAIR_FRONTS = Table(
    "pair_fronts",
    (
        Column("first", "text", meaning="a column"),
        Column("second", "text", meaning="another column"),
        Column("model", "text", meaning="model on the front of these two columns"),
        percent("hypervolume_pct", "share of the hypervolume of the pair's front that only the model dominates"),
    ),
    key=("first", "second", "model"),
)
