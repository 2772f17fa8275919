"""Join all results per candidate, find the front and score its members.

input:  <results>/gather_table/*.parquet
output: <results>/build_candidates/*, <results>/build_front/*, <results>/assess_choices/*, <results>/score_efficiency/*,
        <results>/score_holdout/scores.parquet
"""

from workflow_lib.search.proposal_tables import PROPOSALS_RESULT


rule build_candidates:
    """Join accuracy, latency and memory into one row per candidate."""
    input:
        **RUN.inputs_of(PROPOSALS_RESULT),
        scores="<results>/gather_table/fold_scores.parquet",
        networks="<results>/gather_table/networks.parquet",
        latencies="<results>/gather_table/latencies.parquet",
    output:
        candidates=multiext("<results>/build_candidates/candidates", ".parquet", ".csv"),
        raw=multiext(
            "<results>/build_candidates/raw_configurations", ".parquet", ".csv"
        ),
    log:
        "<logs>/build_candidates.log",
    conda:
        "../envs/report.yaml"
    resources:
        **RUN.stage_resources("build_candidates"),
    params:
        options=RUN.options(
            "build_candidates",
            *flags(CONFIG.grid, "space"),
            "--baselines",
            *CONFIG.grid.compared_networks,
            f"--folds={CONFIG.folds.count}",
            *(["--same-split"] if CONFIG.folds.same_split else []),
            *(
                ["--allow-missing"]
                if CONFIG.search.strategy != "grid" and CONFIG.grid.allow_missing
                else []
            ),
            "--classes",
            *CONFIG.data.classes,
        ),
        optional=RUN.optional_flags("proposals"),
    shell:
        "python -m workflow_lib.stages.build_candidates"
        " {params.options}"
        " {params.optional:q}"
        " --scores {input.scores:q}"
        " --networks {input.networks:q}"
        " --latencies {input.latencies:q}"
        " --candidates {output.candidates:q}"
        " --raw {output.raw:q}"
        " 2> {log:q}"


rule build_front:
    """Find the front, estimate its confidence, and recommend one candidate."""
    input:
        candidates="<results>/build_candidates/candidates.parquet",
    output:
        ranked=multiext("<results>/build_front/ranked", ".parquet", ".csv"),
        front=multiext("<results>/build_front/front", ".parquet", ".csv"),
    log:
        "<logs>/build_front.log",
    conda:
        "../envs/report.yaml"
    resources:
        **RUN.stage_resources("build_front"),
    params:
        options=RUN.options("build_front", *flags(CONFIG.front), *flags(CONFIG, "seed")),
    shell:
        "python -m workflow_lib.stages.build_front"
        " {params.options}"
        " --candidates {input.candidates:q}"
        " --ranked {output.ranked:q}"
        " --front {output.front:q}"
        " 2> {log:q}"


rule assess_choices:
    """Tell which values of the search space the front needs, and suggest a smaller one."""
    input:
        ranked="<results>/build_front/ranked.parquet",
    output:
        choices=multiext("<results>/assess_choices/choices", ".parquet", ".csv"),
        suggestion="<results>/assess_choices/suggestion.yaml",
    log:
        "<logs>/assess_choices.log",
    conda:
        "../envs/report.yaml"
    resources:
        **RUN.stage_resources("assess_choices"),
    params:
        options=RUN.options(
            "assess_choices",
            *flags(CONFIG.grid, "space", "channel_sets", "recipes"),
            *flags(CONFIG.front),
            *flags(CONFIG, "seed"),
        ),
    shell:
        "python -m workflow_lib.stages.assess_choices"
        " {params.options}"
        " --ranked {input.ranked:q}"
        " --choices {output.choices:q}"
        " --suggestion {output.suggestion:q}"
        " 2> {log:q}"


rule score_efficiency:
    """Score the relative efficiency of candidates, with and without noise, and test which are significantly better."""
    input:
        "<results>/build_candidates/candidates.parquet",
    output:
        scores=multiext("<results>/score_efficiency/efficiency", ".parquet", ".csv"),
        sampled="<results>/score_efficiency/samples.parquet",
        dominance="<results>/score_efficiency/dominance.parquet",
        summary="<results>/score_efficiency/summary.md",
    log:
        "<logs>/score_efficiency.log",
    conda:
        "../envs/report.yaml"
    resources:
        **RUN.stage_resources("score_efficiency"),
    params:
        options=RUN.options(
            "score_efficiency", *flags(CONFIG.efficiency), *flags(CONFIG, "seed")
        ),
    shell:
        "python -m workflow_lib.stages.score_efficiency"
        " {params.options}"
        " --table {input:q}"
        " --without baseline"
        " --scores {output.scores:q}"
        " --sampled {output.sampled:q}"
        " --dominance {output.dominance:q}"
        " --summary {output.summary:q}"
        " 2> {log:q}"


rule score_holdout:
    """Retrain the front's members on all chips that are not held out, and score them on the held-out chips."""
    input:
        **RUN.dataset_files,
        front="<results>/build_front/front.parquet",
    output:
        scores="<results>/score_holdout/scores.parquet",
        standalone="<results>/score_holdout/standalone.onnx",
    log:
        "<logs>/score_holdout.log",
    conda:
        "../envs/training.yaml"
    resources:
        **RUN.training(trainings=10),
    params:
        options=RUN.options(
            "score_holdout",
            *RUN.dataset_flags,
            *flags(CONFIG.training),
            *flags(CONFIG.grid, "channel_sets", "recipes"),
            *RUN.conversion_flags(CONFIG.grid),
            *flags(CONFIG, "seed"),
        ),
    shell:
        "python -m workflow_lib.stages.score_holdout"
        " {params.options}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --folds {input.folds:q}"
        " --front {input.front:q}"
        " --standalone {output.standalone:q}"
        " --output {output.scores:q}"
        " 2> {log:q}"
