"""Choose which candidates are trained, unless it is the whole grid: a round proposes by what earlier ones reached.

input:  <results>/gather_table/*.parquet
output: <results>/propose_candidates/{round}.parquet, <results>/compare_strategies/*, <results>/plot_comparison/*,
        <results>/compare_runs/*
"""

# What tells which networks are worth training.
PROPOSED_FROM = {
    "constrained": {
        "derived": expand(
            "<results>/derive_network/{channels}.parquet", channels=CHANNEL_SETS
        ),
        "searches": SEARCHES,
    },
    "supernet": {"rankings": last_rankings()},
}.get(CONFIG.search.strategy, NETWORK_COSTS | UTILIZATIONS)


rule propose_candidates:
    """Propose the candidates of one round; `python -m workflow_lib.rounds` asks for one after the other."""
    input:
        unpack(
            lambda wildcards: (
                {
                    "earlier": f"<results>/propose_candidates/{int(wildcards.round) - 1}.parquet",
                    "scores": f"<results>/gather_table/fold_scores_before_{wildcards.round}.parquet",
                }
                if int(wildcards.round)
                else {}
            )
        ),
        **PROPOSED_FROM,
    output:
        "<results>/propose_candidates/{round}.parquet",
    log:
        "<logs>/propose_candidates/{round}.log",
    conda:
        "../envs/search.yaml"
    resources:
        **fixed("propose_candidates"),
    params:
        options=options(
            "propose_candidates",
            *flags(CONFIG.search),
            *flags(CONFIG.grid, "channel_sets", "batch_sizes", "space"),
            *flags(CONFIG, "seed"),
            f"--folds={CONFIG.folds.count}",
        ),
        optional=optional("utilizations", "earlier", "scores", "networks", "latencies"),
        lists=lists("rankings", "derived", "searches"),
    shell:
        "python -m workflow_lib.stages.propose_candidates"
        " {params.options}"
        " {params.optional:q}"
        " {params.lists:q}"
        " --output {output:q}"
        " 2> {log:q}"


COMPARISON_FIGURES = ["comparison_progress", "comparison_fronts"]


rule compare_strategies:
    """Let every strategy search the grid that was trained: nothing is trained again."""
    input:
        **UTILIZATIONS,
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
        **fixed("compare_strategies"),
    params:
        options=options(
            "compare_strategies",
            *flags(CONFIG.comparison),
            *flags(
                CONFIG.search,
                "round_candidates",
                "latency_target_ms",
                "latency_weight",
            ),
            *flags(CONFIG.grid, "channel_sets", "batch_sizes", "space"),
            *flags(CONFIG.front, "objectives"),
            *flags(CONFIG, "seed"),
        ),
        optional=optional("utilizations"),
    shell:
        "python -m workflow_lib.stages.compare_strategies"
        " {params.options}"
        " {params.optional:q}"
        " --table {input.table:q}"
        " --networks {input.networks:q}"
        " --latencies {input.latencies:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule plot_comparison:
    """Draw what each strategy finds of the front, and for how many trainings."""
    input:
        ranked="<results>/build_front/ranked.parquet",
        comparison="<results>/compare_strategies/comparison.parquet",
    output:
        figures=report(
            expand(
                "<results>/plot_comparison/{figure}.png", figure=COMPARISON_FIGURES
            ),
            category="Figures",
            labels={"run": RUN},
        ),
        vector=expand(
            "<results>/plot_comparison/{figure}.pdf", figure=COMPARISON_FIGURES
        ),
    log:
        "<logs>/plot_comparison.log",
    conda:
        "../envs/report.yaml"
    resources:
        **fixed("plot_comparison"),
    params:
        options=options(
            "plot_comparison",
            *flags(CONFIG.front, "objectives"),
            *flags(CONFIG.report, "dpi"),
        ),
    shell:
        "python -m workflow_lib.stages.plot_comparison"
        " {params.options}"
        " --ranked {input.ranked:q}"
        " --comparison {input.comparison:q}"
        " --figures {output.figures:q} {output.vector:q}"
        " 2> {log:q}"


# What the comparison needs of this run and of each other.
FINISHED = ["build_candidates/candidates.parquet", "assign_folds/folds.parquet"]
RUNS = {"runs": "<results>/compare_runs/runs.parquet"} if CONFIG.report.beside else {}


rule compare_runs:
    """Compare this run with others on the same chips and folds."""
    input:
        [f"<results>/{table}" for table in FINISHED],
        [
            f"results/{name}/{table}"
            for name in CONFIG.report.beside
            for table in FINISHED
        ],
    output:
        tables=multiext("<results>/compare_runs/runs", ".parquet", ".csv"),
        figures=report(
            "<results>/compare_runs/runs_fronts.png",
            category="Figures",
            labels={"run": RUN},
        ),
        vector="<results>/compare_runs/runs_fronts.pdf",
    log:
        "<logs>/compare_runs.log",
    conda:
        "../envs/report.yaml"
    resources:
        **fixed("compare_runs"),
    params:
        options=options(
            "compare_runs",
            *flags(CONFIG.front, "objectives"),
            *flags(CONFIG.report, "dpi"),
            "--runs",
            *(f"results/{name}" for name in (RUN, *CONFIG.report.beside)),
        ),
    shell:
        "python -m workflow_lib.stages.compare_runs"
        " {params.options}"
        " --output {output.tables:q}"
        " --figures {output.figures:q} {output.vector:q}"
        " 2> {log:q}"
