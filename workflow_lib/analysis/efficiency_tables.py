"""Tables of relative efficiency."""

from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

EFFICIENCY = Table(
    "efficiency",
    (
        Column("model", "text", meaning="name of the model"),
        percent("efficiency_pct", "share of its inputs that a mix of others needs for its outputs"),
        Column("efficiency_rank", "integer", meaning="1 for the highest; efficient ones by super-efficiency", low=1),
        Column("strong", "flag", meaning="efficient without slack: no model or mix is better in anything"),
        Column(
            "super_efficiency_pct",
            "number",
            "%",
            "efficiency against the others alone; missing where no mix of them gives as much",
            low=0,
            optional=True,
        ),
        percent("constant_returns_pct", "efficiency with constant returns to scale"),
        percent("training_efficiency_pct", "efficiency with the costs of training among the inputs", optional=True),
        Column("training_rank", "integer", meaning="rank by it", low=1, optional=True),
        percent("median_pct", "median efficiency over the samples"),
        percent("low_pct", "5 % quantile over the samples"),
        percent("high_pct", "95 % quantile over the samples"),
        percent("cut_pct", "largest share of one of its distributions that lies outside the values that exist"),
        Column("references", "texts", meaning="models in the mix that it is measured against"),
        Column("weights", "numbers", meaning="share of each in the mix", low=0),
        Column(r"own_.+", "number", "the column's", "the model's own value", family=True),
        Column(r"target_.+", "number", "the column's", "what the mix has", family=True),
        Column(r"slack_.+", "number", "the column's", "what the mix is better by, beside the score", family=True),
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
        Column("smaller", "text", meaning="the one whose is smaller; what follows from other rows is left out"),
    ),
    key=("larger", "smaller"),
)

EFFICIENCY_RESULT = Result(
    "efficiency",
    EFFICIENCY,
    "score_efficiency/efficiency.parquet",
    meaning="the relative efficiency of all candidates, and what each is measured against",
    filled=True,
)
EFFICIENCY_SAMPLES_RESULT = Result(
    "efficiency_samples", EFFICIENCY_SAMPLES, "score_efficiency/samples.parquet", filled=True
)
DOMINANCE_RESULT = Result("dominance", DOMINANCE, "score_efficiency/dominance.parquet")
