"""Train every candidate on every fold.

input:  results/{run}/import_chips/*, results/{run}/assign_folds/folds.parquet
output: results/{run}/train_fold/{channels}/{batch}/{architecture}/{fold}.parquet,
        results/{run}/train_forest/{channels}/{fold}.parquet, results/{run}/gather_table/{table}.parquet
"""


rule train_fold:
    """Train one candidate on one fold, from fresh weights."""
    input:
        array="results/{run}/import_chips/chips.npy",
        moments="results/{run}/import_chips/moments.npy",
        chips="results/{run}/import_chips/chips.parquet",
        folds="results/{run}/assign_folds/folds.parquet",
    output:
        **(
            {
                "weights": "results/{run}/train_fold/{channels}/{batch}/{architecture}/{fold}.pt"
            }
            if CONFIG.keep_weights
            else {}
        ),
        scores="results/{run}/train_fold/{channels}/{batch}/{architecture}/{fold}.parquet",
    log:
        "results/{run}/logs/train_fold/{channels}/{batch}/{architecture}/{fold}.log",
    benchmark:
        "results/{run}/benchmarks/train_fold/{channels}/{batch}/{architecture}/{fold}.tsv"
    conda:
        "../envs/training.yaml"
    resources:
        **needs.training(
            CONFIG,
            count_chips,
            lambda wildcards: (
                wildcards.channels,
                int(wildcards.batch),
                wildcards.architecture,
            ),
        ),
    params:
        options=options(
            "train_fold", *DATASET, *flags(CONFIG.training), *flags(CONFIG, "seed")
        ),
        select=select,
        weights=lambda wildcards, output: (
            ["--weights", output.weights] if CONFIG.keep_weights else []
        ),
    shell:
        "python -m workflow_lib.stages.train_fold"
        " {params.options:q}"
        " {params.select:q}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --folds {input.folds:q}"
        " --channels {wildcards.channels}"
        " --batch {wildcards.batch}"
        " --architecture {wildcards.architecture}"
        " --fold {wildcards.fold}"
        " --output {output.scores:q}"
        " {params.weights:q}"
        " 2> {log:q}"


rule train_forest:
    """Train the reference classifier on one fold: a random forest on colour percentiles."""
    input:
        array="results/{run}/import_chips/chips.npy",
        moments="results/{run}/import_chips/moments.npy",
        chips="results/{run}/import_chips/chips.parquet",
        folds="results/{run}/assign_folds/folds.parquet",
    output:
        "results/{run}/train_forest/{channels}/{fold}.parquet",
    log:
        "results/{run}/logs/train_forest/{channels}/{fold}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **needs.reading(count_chips),
    params:
        options=options("train_forest", *DATASET, *flags(CONFIG, "seed")),
        select=select,
    shell:
        "python -m workflow_lib.stages.train_forest"
        " {params.options:q}"
        " {params.select:q}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --folds {input.folds:q}"
        " --channels {wildcards.channels}"
        " --fold {wildcards.fold}"
        " --output {output:q}"
        " 2> {log:q}"


PARTS = {
    "fold_scores": expand(
        "results/{{run}}/train_fold/{channels}/{batch}/{architecture}/{fold}.parquet",
        channels=CHANNEL_SETS,
        batch=CONFIG.grid.batch_sizes,
        architecture=NETWORKS,
        fold=FOLDS,
    ),
    "forest_scores": expand(
        "results/{{run}}/train_forest/{channels}/{fold}.parquet",
        channels=CHANNEL_SETS,
        fold=FOLDS,
    ),
    "networks": expand(
        "results/{{run}}/export_network/{channels}/{architecture}/network.parquet",
        channels=CHANNEL_SETS,
        architecture=NETWORKS,
    ),
    "latencies": [
        f"results/{{run}}/{'measure' if predictor.kind == 'measured' else 'predict'}_latency"
        f"/{channels}/{architecture}/{device}.parquet"
        for device, predictor in CONFIG.devices.items()
        for channels in CHANNEL_SETS
        for architecture in NETWORKS
    ],
}


rule gather_table:
    """Put the one-row tables of many jobs into one; their paths go through standard input, which has no length limit."""
    input:
        lambda wildcards: PARTS[wildcards.table],
    output:
        "results/{run}/gather_table/{table}.parquet",
    log:
        "results/{run}/logs/gather_table/{table}.log",
    conda:
        "../envs/data.yaml"
    resources:
        **needs.fixed("gather_table"),
    params:
        options=options("gather_table"),
    shell:
        "printf '%s\\n' {input:q} | python -m workflow_lib.stages.gather_table"
        " {params.options:q}"
        " --table {wildcards.table}"
        " --output {output:q}"
        " 2> {log:q}"
