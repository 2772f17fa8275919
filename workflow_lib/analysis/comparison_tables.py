"""Tables that compare search strategies, runs and supernets."""

from workflow_lib.core.columns import ARCHITECTURE, CANDIDATE, CHANNELS, NUMBER, VARIANT
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

COMPARISON = Table(
    "comparison",
    (
        Column("strategy", "text", meaning="search strategy"),
        Column("seed", "integer", meaning="number of the search, of those that draw", low=0),
        Column("trained", "integer", "networks", "how many it has trained with this one", low=1),
        CANDIDATE,
        Column("training_hours", "number", "h", "what training these took, all folds", low=0),
        percent("recall_pct", "points of the true front among them"),
        percent("hypervolume_pct", "their hypervolume, of the true front's"),
    ),
    key=("strategy", "seed", "trained"),
)


RUNS = Table(
    "runs",
    (
        Column("run", "text", meaning="name of a run"),
        Column("candidates", "integer", meaning="that it trained", low=1),
        Column("trainings", "integer", meaning="of candidates on folds", low=1),
        Column("training_hours", "number", "h", "of one core, that these took", low=0),
        Column("search_hours", "number", "h", "of one core, that searches of cells and supernets took before", low=0),
        percent("accuracy_pct", "of its most accurate candidate"),
        percent("recall_pct", "points of the front of all runs that are its own"),
        percent("hypervolume_pct", "its hypervolume, of that of all runs"),
    ),
    key=("run",),
)


RANKING_QUALITY = Table(
    "ranking_quality",
    (
        CHANNELS,
        VARIANT,
        NUMBER,
        Column("tau_b", "number", meaning="Kendall's, of its scores and the true Pareto ranks", low=-1, high=1),
        Column(
            "error_tau_b",
            "number",
            meaning="Kendall's, of accuracy (or cross-entropy) by shared weights and by own ones",
            low=-1,
            high=1,
            optional=True,
        ),
        Column(
            "top_tau_b",
            "number",
            meaning="as tau_b, of the truly best ranks: at least two, five networks, a tenth; missing if all are one",
            low=-1,
            high=1,
            optional=True,
        ),
        percent("top5_pct", "of the five networks that it scores highest, how many are of the five lowest ranks"),
        percent("hypervolume_pct", "of the true front's, by those five"),
        percent("recall_pct", "of the true front, by those five"),
        Column("network_steps", "integer", meaning="of networks that trained the supernet", low=0),
        Column("hours", "number", "h", "of one core, that training and ranking took", low=0),
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
        Column("true_rank", "integer", meaning="Pareto rank of the networks that were trained alone, from 0", low=0),
        Column("estimated_place", "integer", meaning="where the supernet puts it, from 0", low=0),
    ),
    key=("channels", "variant", "number", "architecture"),
)


DIFFICULTY = Table(
    "difficulty",
    (
        CHANNELS,
        Column("networks", "integer", meaning="that were trained alone", low=1),
        Column("seeds", "integer", meaning="trainings of each", low=2),
        Column("measure", "text", meaning="what they are ranked by, beside latency"),
        Column("network_std", "number", "the measure's", "standard deviation between networks' means", low=0),
        Column("seed_std", "number", "the measure's", "standard deviation between seeds of a network, pooled", low=0),
        Column(
            "ceiling_tau_b",
            "number",
            meaning="Kendall's, of Pareto ranks by two disjoint halves of the seeds, mean over the ways to halve",
            low=-1,
            high=1,
        ),
        Column(
            "strict_tau_b",
            "number",
            meaning="Kendall's, the most that an order without ties can reach, such as that of scores",
            low=-1,
            high=1,
        ),
        Column("hours", "number", "h", "of one core, that their trainings took", low=0),
    ),
    key=("channels",),
)

RUN_CANDIDATES = Table(
    "run_candidates",
    (
        Column("run", "text", meaning="name of a run"),
        CANDIDATE,
        Column(r".+", "number", meaning="an objective of the front", optional=True, family=True),
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
