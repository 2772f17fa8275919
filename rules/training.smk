"""Train every candidate on every fold.

input:  <results>/import_chips/*, <results>/assign_folds/folds.parquet
output: <results>/train_fold/{channels}/{batch}/{architecture}/{fold}.parquet,
        <results>/train_forest/{channels}/{fold}.parquet, <results>/gather_table/{table}.parquet
"""


rule train_fold:
    """Train one candidate on one fold, from fresh weights."""
    input:
        array="<results>/import_chips/chips.npy",
        moments="<results>/import_chips/moments.npy",
        chips="<results>/import_chips/chips.parquet",
        folds="<results>/assign_folds/folds.parquet",
    output:
        **(
            {
                "weights": "<results>/train_fold/{channels}/{batch}/{architecture}/{fold}.pt"
            }
            if CONFIG.keep_weights
            else {}
        ),
        scores="<results>/train_fold/{channels}/{batch}/{architecture}/{fold}.parquet",
    log:
        "<logs>/train_fold/{channels}/{batch}/{architecture}/{fold}.log",
    benchmark:
        "<benchmarks>/train_fold/{channels}/{batch}/{architecture}/{fold}.tsv"
    retries: RETRIES
    conda:
        "../envs/training.yaml"
    resources:
        **({"attempt": lambda wildcards, attempt: attempt} if ALLOW_MISSING else {}),
        **training(
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
    shell:
        "python -m workflow_lib.stages.train_fold"
        " {params.options}"
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
        + (" --weights {output.weights:q}" if CONFIG.keep_weights else "")
        + " 2> {log:q}"
        + LEFT_OUT


rule train_forest:
    """Train the reference classifier on one fold: a random forest on colour percentiles."""
    input:
        array="<results>/import_chips/chips.npy",
        moments="<results>/import_chips/moments.npy",
        chips="<results>/import_chips/chips.parquet",
        folds="<results>/assign_folds/folds.parquet",
    output:
        "<results>/train_forest/{channels}/{fold}.parquet",
    log:
        "<logs>/train_forest/{channels}/{fold}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **reading(),
    params:
        options=options("train_forest", *DATASET, *flags(CONFIG, "seed")),
        select=select,
    shell:
        "python -m workflow_lib.stages.train_forest"
        " {params.options}"
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
        "<results>/train_fold/{channels}/{batch}/{architecture}/{fold}.parquet",
        channels=CHANNEL_SETS,
        batch=CONFIG.grid.batch_sizes,
        architecture=NETWORKS,
        fold=FOLDS,
    ),
    "forest_scores": expand(
        "<results>/train_forest/{channels}/{fold}.parquet",
        channels=CHANNEL_SETS,
        fold=FOLDS,
    ),
    "networks": expand(
        "<results>/export_network/{channels}/{architecture}/network.parquet",
        channels=CHANNEL_SETS,
        architecture=NETWORKS,
    ),
    "latencies": [
        f"<results>/{'measure' if predictor.kind == 'measured' else 'predict'}_latency"
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
        "<results>/gather_table/{table}.parquet",
    log:
        "<logs>/gather_table/{table}.log",
    conda:
        "../envs/data.yaml"
    resources:
        **fixed("gather_table"),
    params:
        options=lambda wildcards: options(
            "gather_table",
            *(
                ["--allow-missing"]
                if ALLOW_MISSING and wildcards.table == "fold_scores"
                else []
            ),
        ),
    shell:
        "printf '%s\\n' {input:q} | python -m workflow_lib.stages.gather_table"
        " {params.options}"
        " --table {wildcards.table}"
        " --output {output:q}"
        " 2> {log:q}"
