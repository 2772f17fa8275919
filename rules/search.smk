"""Choose which candidates to train: each round proposes candidates from the results of earlier rounds.

input:  <results>/gather_table/*.parquet
output: <results>/propose_candidates/{round}.parquet, <results>/assess_surrogate/*, <results>/compare_strategies/*,
        <results>/compare_runs/*
"""

from workflow_lib.training.utilization_tables import UTILIZATIONS_RESULT
from workflow_lib.workflow.search_jobs import SearchJobs

SEARCHES = SearchJobs(RUN)


rule propose_candidates:
    """Propose the candidates of one round; `python -m workflow_lib.rounds` runs all rounds in turn."""
    input:
        unpack(SEARCHES.earlier_round),
        tables=SEARCHES.proposed_from,
    output:
        "<results>/propose_candidates/{round}.parquet",
    log:
        "<logs>/propose_candidates/{round}.log",
    conda:
        "../envs/search.yaml"
    resources:
        **RUN.stage_resources("propose_candidates"),
    params:
        options=RUN.options(
            "propose_candidates",
            *flags(CONFIG.search),
            *flags(CONFIG.grid, "channel_sets", "batch_sizes", "space", "recipes"),
            *flags(CONFIG.front, "objectives"),
            *flags(CONFIG, "seed"),
            f"--folds={CONFIG.folds.count}",
            *SEARCHES.chosen_cells,
        ),
        tables=SEARCHES.proposal_tables,
        optional=RUN.optional_flags("earlier", "scores"),
        lists=RUN.list_flags("older_scores"),
    shell:
        "python -m workflow_lib.stages.propose_candidates"
        " {params.options}"
        " {params.tables:q}"
        " {params.optional:q}"
        " {params.lists:q}"
        " --round-number {wildcards.round}"
        " --output {output:q}"
        " 2> {log:q}"


rule assess_surrogate:
    """Tabulate what a surrogate search believes of every known candidate."""
    input:
        **SEARCHES.part_scores,
        candidates="<results>/build_candidates/candidates.parquet",
        scores="<results>/gather_table/fold_scores.parquet",
        proposals=f"<results>/propose_candidates/{CONFIG.search_rounds - 1}.parquet",
        tables=SEARCHES.proposed_from,
    output:
        beliefs=multiext("<results>/assess_surrogate/beliefs", ".parquet", ".csv"),
        progress="<results>/assess_surrogate/progress.parquet",
        within=multiext("<results>/assess_surrogate/within_budgets", ".parquet", ".csv"),
    log:
        "<logs>/assess_surrogate.log",
    conda:
        "../envs/search.yaml"
    resources:
        **RUN.stage_resources("assess_surrogate"),
    params:
        options=RUN.options(
            "assess_surrogate",
            *flags(CONFIG.search),
            *flags(CONFIG.grid, "channel_sets", "batch_sizes", "space", "recipes"),
            *flags(CONFIG.front, "objectives"),
            *flags(CONFIG, "seed"),
            *SEARCHES.chosen_cells,
        ),
        tables=SEARCHES.proposal_tables,
        lists=RUN.list_flags("part_scores"),
    shell:
        "python -m workflow_lib.stages.assess_surrogate"
        " {params.options}"
        " {params.tables:q}"
        " {params.lists:q}"
        " --trained {input.candidates:q}"
        " --scores {input.scores:q}"
        " --proposals {input.proposals:q}"
        " --beliefs {output.beliefs:q}"
        " --progress {output.progress:q}"
        " --within {output.within:q}"
        " 2> {log:q}"


rule compare_strategies:
    """Replay every search strategy on the trained grid without further training."""
    input:
        **RUN.inputs_of(UTILIZATIONS_RESULT),
        table="<results>/build_candidates/candidates.parquet",
        networks="<results>/gather_table/networks.parquet",
        latencies="<results>/gather_table/latencies.parquet",
    output:
        multiext("<results>/compare_strategies/comparison", ".parquet", ".csv"),
    log:
        "<logs>/compare_strategies.log",
    conda:
        "../envs/search.yaml"
    resources:
        **RUN.stage_resources("compare_strategies"),
    params:
        options=RUN.options(
            "compare_strategies",
            *flags(CONFIG.comparison),
            *flags(
                CONFIG.search,
                "round_candidates",
                "latency_target_ms",
                "latency_weight",
            ),
            *flags(CONFIG.grid, "channel_sets", "batch_sizes", "space", "recipes"),
            *flags(CONFIG.front, "objectives"),
            *flags(CONFIG, "seed"),
        ),
        optional=RUN.optional_flags("utilizations"),
    shell:
        "python -m workflow_lib.stages.compare_strategies"
        " {params.options}"
        " {params.optional:q}"
        " --table {input.table:q}"
        " --networks {input.networks:q}"
        " --latencies {input.latencies:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule compare_runs:
    """Compare this run with other runs on the same chips and folds."""
    input:
        [
            f"results/{name}/{table}"
            for name in (RUN.name, *CONFIG.report.compared_runs)
            for table in (
                "build_candidates/candidates.parquet",
                "assign_folds/folds.parquet",
            )
        ],
    output:
        tables=multiext("<results>/compare_runs/runs", ".parquet", ".csv"),
        candidates="<results>/compare_runs/candidates.parquet",
    log:
        "<logs>/compare_runs.log",
    conda:
        "../envs/search.yaml"
    resources:
        **RUN.stage_resources("compare_runs"),
    params:
        options=RUN.options(
            "compare_runs",
            *flags(CONFIG.front, "objectives"),
            "--runs",
            *(f"results/{name}" for name in (RUN.name, *CONFIG.report.compared_runs)),
        ),
    shell:
        "python -m workflow_lib.stages.compare_runs"
        " {params.options}"
        " --output {output.tables:q}"
        " --candidates {output.candidates:q}"
        " 2> {log:q}"
