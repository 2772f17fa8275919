"""The tables of relative efficiency."""

from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

EFFICIENCY = Table(
    "efficiency",
    (
        Column("model", "text", meaning="name of the model"),
        percent(
            "efficiency_pct",
            "input orientation: share of its inputs that a mix of models needs for the same outputs; output "
            "orientation: its outputs as a share of those of a mix with the same inputs",
        ),
        Column(
            "efficiency_rank",
            "integer",
            meaning="1 for the highest efficiency; efficient models are ranked by super-efficiency",
            low=1,
        ),
        Column("strong", "flag", meaning="efficient without slack: no model or mix is better in any column"),
        Column(
            "super_efficiency_pct",
            "number",
            "%",
            "efficiency relative to the other models only; missing if no mix of them reaches its outputs",
            low=0,
            optional=True,
        ),
        percent("constant_returns_pct", "efficiency with constant returns to scale"),
        percent("scale_efficiency_pct", "efficiency with constant returns, relative to that with variable returns"),
        Column(
            "returns_to_scale",
            "text",
            meaning="increasing: the model is too small; constant; decreasing: it is too large",
        ),
        percent("training_efficiency_pct", "efficiency with the training costs among the inputs", optional=True),
        Column("training_rank", "integer", meaning="rank by training_efficiency_pct", low=1, optional=True),
        percent("median_pct", "median efficiency over the samples"),
        percent("low_pct", "5 % quantile over the samples"),
        percent("high_pct", "95 % quantile over the samples"),
        percent("cut_pct", "largest share of one of its distributions that lies at impossible values"),
        Column("references", "texts", meaning="models in its reference mix"),
        Column("weights", "numbers", meaning="share of each reference in the mix", low=0),
        Column(r"own_.+", "number", "the column's", "value of the model", family=True),
        Column(r"target_.+", "number", "the column's", "value of the mix", family=True),
        Column(
            r"slack_.+",
            "number",
            "the column's",
            "amount by which the mix is better, in addition to the efficiency score",
            family=True,
        ),
    ),
    key=("model",),
)


EFFICIENCY_SAMPLES = Table(
    "efficiency_samples",
    (
        Column("model", "text", meaning="name of the model"),
        Column("efficiencies_pct", "numbers", "%", "efficiency in each sample", low=0, high=100),
    ),
    key=("model",),
)


DOMINANCE = Table(
    "dominance",
    (
        Column("larger", "text", meaning="the model whose efficiency is stochastically larger"),
        Column(
            "smaller", "text", meaning="the model whose efficiency is smaller; pairs implied by other rows are omitted"
        ),
    ),
    key=("larger", "smaller"),
)

EFFICIENCY_RESULT = Result(
    "efficiency",
    EFFICIENCY,
    "score_efficiency/efficiency.parquet",
    meaning="the relative efficiency of all candidates, and the reference mix of each",
    filled=True,
)
EFFICIENCY_SAMPLES_RESULT = Result(
    "efficiency_samples", EFFICIENCY_SAMPLES, "score_efficiency/samples.parquet", filled=True
)
DOMINANCE_RESULT = Result("dominance", DOMINANCE, "score_efficiency/dominance.parquet")
