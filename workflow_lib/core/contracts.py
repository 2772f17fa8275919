"""The contract version of every stage.

Snakemake does not rerun jobs when code changes. Therefore each stage module declares `CONTRACT = <number>`. Raise the
number when the stage's results change meaning. Its jobs, and all jobs that depend on them, then run again.
"""

import re
from pathlib import Path

from workflow_lib.core.errors import UserError

_STAGES = Path(__file__).parents[1] / "stages"
_ORDER = (
    "generate_landscape", "sample_points", "clip_chips", "gather_chips", "generate_chips", "import_chips",
    "assign_folds", "train_fold", "train_part", "train_forest", "gather_table", "export_network", "convert_network",
    "import_package", "detect_kernels", "check_coverage", "export_kernels", "build_predictor", "measure_latency",
    "measure_remote", "import_latencies", "calibrate_predictor", "transfer_predictor", "predict_latency",
    "measure_utilization", "race_folds", "train_supernet",
    "rank_subnets", "prune_supernet", "compare_supernets", "price_operations", "search_cell", "build_lookup_graph",
    "derive_network", "propose_candidates", "score_converted", "build_candidates", "build_front", "assess_choices",
    "score_efficiency",
    "compare_strategies", "compare_runs", "simulate_battery", "pack_networks", "score_holdout", "measure_precisions",
    "plot_figure", "plot_interactive", "build_report", "deploy_model", "apply_model", "score_map",
    "report_map",
)  # fmt: skip
"""Order of the stages in lists for people: the order in which they run. Stages that are not named here come last."""
_NUMBER = re.compile(r"^CONTRACT = (\d+)$", re.MULTILINE)


def read_contracts() -> dict[str, int]:
    """Read the contract version of each stage from its source file.

    The modules are not imported, because most of them import torch or pandas.

    Returns:
        Stage -> contract version.

    Raises:
        UserError: if a stage declares none.
    """
    found = {}
    for file in sorted(_STAGES.glob("[a-z]*.py")):
        number = _NUMBER.search(file.read_text(encoding="utf-8"))
        if number is None:
            raise UserError("a stage needs a line CONTRACT = <number>", file)
        found[file.stem] = int(number[1])
    return dict(sorted(found.items(), key=lambda item: _ORDER.index(item[0]) if item[0] in _ORDER else len(_ORDER)))


CONTRACTS = read_contracts()
