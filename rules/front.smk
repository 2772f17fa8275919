"""Join everything per candidate and find the front.

input:  results/{run}/gather_table/*.parquet
output: results/{run}/build_candidates/*, results/{run}/build_front/*, results/{run}/score_holdout/scores.parquet
"""


rule build_candidates:
    """Join accuracy, latency and memory: one row per candidate."""
    input:
        scores="results/{run}/gather_table/fold_scores.parquet",
        networks="results/{run}/gather_table/networks.parquet",
        latencies="results/{run}/gather_table/latencies.parquet",
    output:
        candidates=multiext(
            "results/{run}/build_candidates/candidates", ".parquet", ".csv"
        ),
        raw=multiext(
            "results/{run}/build_candidates/raw_configurations", ".parquet", ".csv"
        ),
    log:
        "results/{run}/logs/build_candidates.log",
    conda:
        "../envs/report.yaml"
    resources:
        **needs.fixed("build_candidates"),
    params:
        options=options(
            "build_candidates",
            *flags(CONFIG.grid.space),
            *flags(CONFIG.grid, "baseline"),
            "--classes",
            *CONFIG.data.classes,
        ),
    shell:
        "python -m workflow_lib.stages.build_candidates"
        " {params.options:q}"
        " --scores {input.scores:q}"
        " --networks {input.networks:q}"
        " --latencies {input.latencies:q}"
        " --candidates {output.candidates:q}"
        " --raw {output.raw:q}"
        " 2> {log:q}"


rule build_front:
    """Find the front, say how sure it is, and recommend one candidate."""
    input:
        candidates="results/{run}/build_candidates/candidates.parquet",
    output:
        ranked=multiext("results/{run}/build_front/ranked", ".parquet", ".csv"),
        front=multiext("results/{run}/build_front/front", ".parquet", ".csv"),
    log:
        "results/{run}/logs/build_front.log",
    conda:
        "../envs/report.yaml"
    resources:
        **needs.fixed("build_front"),
    params:
        options=options("build_front", *flags(CONFIG.front), *flags(CONFIG, "seed")),
    shell:
        "python -m workflow_lib.stages.build_front"
        " {params.options:q}"
        " --candidates {input.candidates:q}"
        " --ranked {output.ranked:q}"
        " --front {output.front:q}"
        " 2> {log:q}"


rule score_holdout:
    """Retrain the front's members on all chips that are not held out, and score them on those that are."""
    input:
        array="results/{run}/import_chips/chips.npy",
        moments="results/{run}/import_chips/moments.npy",
        chips="results/{run}/import_chips/chips.parquet",
        folds="results/{run}/assign_folds/folds.parquet",
        front="results/{run}/build_front/front.parquet",
    output:
        "results/{run}/score_holdout/scores.parquet",
    log:
        "results/{run}/logs/score_holdout.log",
    conda:
        "../envs/training.yaml"
    resources:
        **needs.training(CONFIG, count_chips, trainings=10),
    params:
        options=options(
            "score_holdout",
            *DATASET,
            *flags(CONFIG.training),
            *flags(CONFIG.grid, "channel_sets"),
            *flags(CONFIG, "seed"),
        ),
    shell:
        "python -m workflow_lib.stages.score_holdout"
        " {params.options:q}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --folds {input.folds:q}"
        " --front {input.front:q}"
        " --output {output:q}"
        " 2> {log:q}"
