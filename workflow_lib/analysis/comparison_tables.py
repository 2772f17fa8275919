"""The tables that compare search strategies, runs and supernets."""

from workflow_lib.core.columns import ARCHITECTURE, CANDIDATE, CHANNELS, NUMBER, VARIANT
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

COMPARISON = Table(
    "comparison",
    (
        Column("strategy", "text", meaning="search strategy"),
        Column("seed", "integer", meaning="repetition of a strategy that uses random numbers, from 0", low=0),
        Column("trained", "integer", "networks", "networks trained so far, including this one", low=1),
        CANDIDATE,
        Column("training_hours", "number", "h", "training time of these networks, all folds", low=0),
        percent("recall_pct", "share of the points of the true front that are among them"),
        percent("hypervolume_pct", "their hypervolume, as a share of that of the true front"),
    ),
    key=("strategy", "seed", "trained"),
)


RUNS = Table(
    "runs",
    (
        Column("run", "text", meaning="name of a run"),
        Column("candidates", "integer", meaning="number of candidates trained", low=1),
        Column("trainings", "integer", meaning="number of trainings, one per candidate and fold", low=1),
        Column("training_hours", "number", "h", "core-hours of these trainings", low=0),
        Column("search_hours", "number", "h", "core-hours of the preceding cell and supernet searches", low=0),
        percent("accuracy_pct", "accuracy of its most accurate candidate"),
        percent("recall_pct", "share of the points of the front of all runs that this run found"),
        percent("hypervolume_pct", "its hypervolume, as a share of that of all runs"),
    ),
    key=("run",),
)


RANKING_QUALITY = Table(
    "ranking_quality",
    (
        CHANNELS,
        VARIANT,
        NUMBER,
        Column(
            "tau_b", "number", meaning="Kendall's tau-b between its scores and the true Pareto ranks", low=-1, high=1
        ),
        Column(
            "error_tau_b",
            "number",
            meaning="Kendall's tau-b between accuracy (or cross-entropy) with shared weights and that after separate "
            "training",
            low=-1,
            high=1,
            optional=True,
        ),
        Column(
            "top_tau_b",
            "number",
            meaning="tau_b within the best true ranks (at least two ranks, five networks and a tenth of all); missing "
            "if all have one rank",
            low=-1,
            high=1,
            optional=True,
        ),
        percent("top5_pct", "share of its five highest-scored networks whose true rank is within the five lowest"),
        percent("hypervolume_pct", "hypervolume of those five networks, as a share of that of the true front"),
        percent("recall_pct", "share of the points of the true front that are among those five"),
        Column("network_steps", "integer", meaning="training steps of the supernet, counted per network", low=0),
        Column("hours", "number", "h", "core-hours of training and ranking", low=0),
    ),
    key=("channels", "variant", "number"),
)


RANKS = Table(
    "ranks",
    (
        CHANNELS,
        VARIANT,
        NUMBER,
        ARCHITECTURE,
        Column("true_rank", "integer", meaning="Pareto rank among the separately trained networks, from 0", low=0),
        Column("estimated_place", "integer", meaning="position in the ranking of the supernet, from 0", low=0),
    ),
    key=("channels", "variant", "number", "architecture"),
)


DIFFICULTY = Table(
    "difficulty",
    (
        CHANNELS,
        Column("networks", "integer", meaning="number of separately trained networks", low=1),
        Column("seeds", "integer", meaning="trainings of each network", low=2),
        Column("measure", "text", meaning="metric by which they are ranked, together with latency"),
        Column("network_std", "number", "the measure's", "standard deviation of the networks' means", low=0),
        Column("seed_std", "number", "the measure's", "pooled standard deviation over the seeds of a network", low=0),
        Column(
            "ceiling_tau_b",
            "number",
            meaning="noise ceiling: Kendall's tau-b between the Pareto ranks from two disjoint halves of the seeds, "
            "mean over all splits into halves",
            low=-1,
            high=1,
        ),
        Column(
            "strict_tau_b",
            "number",
            meaning="maximum of Kendall's tau-b for an order without ties, such as an order by scores",
            low=-1,
            high=1,
        ),
        Column(
            "random_tau_b",
            "number",
            meaning="floor: tau-b of Pareto ranks from random errors and the known cost, mean over many draws",
            low=-1,
            high=1,
        ),
        Column(
            "surrogate_tau_b",
            "number",
            meaning="floor: tau-b of Pareto ranks from the known cost and a model of the error that knows a quarter of "
            "the separately trained networks (at least 4), mean over draws; missing for very few networks",
            low=-1,
            high=1,
            optional=True,
        ),
        Column("cost_tau_b", "number", meaning="floor: tau-b of the order by the cost alone", low=-1, high=1),
        Column(
            "parameters_tau_b",
            "number",
            meaning="floor: tau-b of Pareto ranks from the number of parameters, more being better, and the cost",
            low=-1,
            high=1,
        ),
        Column("hours", "number", "h", "core-hours of their trainings", low=0),
    ),
    key=("channels",),
)

RUN_CANDIDATES = Table(
    "run_candidates",
    (
        Column("run", "text", meaning="name of a run"),
        CANDIDATE,
        Column(r".+", "number", meaning="value of an objective of the front", optional=True, family=True),
    ),
    key=("run", "candidate"),
)

COMPARISON_RESULT = Result(
    "comparison",
    COMPARISON,
    "compare_strategies/comparison.parquet",
    when=lambda config: config.comparison is not None,
    filled=True,
)
RUNS_RESULT = Result("runs", RUNS, "compare_runs/runs.parquet", when=lambda config: bool(config.report.compared_runs))
RUN_CANDIDATES_RESULT = Result(
    "run_candidates",
    RUN_CANDIDATES,
    "compare_runs/candidates.parquet",
    when=lambda config: bool(config.report.compared_runs),
    filled=True,
)
RANKING_QUALITY_RESULT = Result(
    "ranking_quality",
    RANKING_QUALITY,
    "compare_supernets/quality.parquet",
    when=lambda config: config.ranking_quality is not None,
    filled=True,
)
DIFFICULTY_RESULT = Result(
    "difficulty",
    DIFFICULTY,
    "compare_supernets/difficulty.parquet",
    when=lambda config: config.ranking_quality is not None,
    filled=True,
)
RANKS_RESULT = Result(
    "ranks",
    RANKS,
    "compare_supernets/ranks.parquet",
    when=lambda config: config.ranking_quality is not None,
    filled=True,
)
