"""Train every candidate on every fold, and score it in every precision; racing stops candidates that cannot reach the front.

input:  <results>/import_chips/*, <results>/assign_folds/folds.parquet
output: <results>/train_fold/{channels}/{batch}/{architecture}/{fold}.parquet,
        <results>/train_part/{part}/{channels}/{batch}/{architecture}/{fold}.parquet,
        <results>/score_converted/{channels}/{batch}/{architecture}/{precision}/{fold}.parquet,
        <results>/train_forest/{channels}/{fold}.parquet, <results>/gather_table/{table}.parquet,
        <results>/race_folds/{fold}.parquet
"""


rule train_fold:
    """Train one candidate on one fold, or on all folds together, each from fresh weights, and score it."""
    input:
        **RUN.dataset_files,
    output:
        **TRAININGS.weights(
            "<results>/train_fold/{channels}/{batch}/{architecture}/{fold}.pt"
        ),
        scores=TRAININGS.per_fold(
            "<results>/train_fold/{channels}/{batch}/{architecture}/{fold}.parquet"
        ),
    log:
        "<logs>/train_fold/{channels}/{batch}/{architecture}/"
        + TRAININGS.file_of_job
        + ".log",
    benchmark:
        (
            "<benchmarks>/train_fold/{channels}/{batch}/{architecture}/"
            + TRAININGS.file_of_job
            + ".tsv"
        )
    retries: RUN.retries
    conda:
        "../envs/training.yaml"
    resources:
        **TRAININGS.resources,
    params:
        **RUN.model_params,
        options=TRAININGS.options,
        select=RUN.select,
        batch=TRAININGS.batch,
    shell:
        "python -m workflow_lib.stages.train_fold"
        " {params.options}"
        " {params.select:q}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --folds {input.folds:q}"
        " --channels {wildcards.channels}"
        " --batch {params.batch}"
        " --architecture {wildcards.architecture}"
        f" --fold {TRAININGS.folds_of_job}"
        " --output {output.scores:q}"
        + (" --weights {output.weights:q}" if CONFIG.keep_weights else "")
        + " 2> {log:q}"
        + RUN.failure_marker


rule train_part:
    """Train one candidate for a part of its epochs, score it, and keep its state so that train_fold can continue."""
    input:
        **RUN.dataset_files,
    output:
        scores=TRAININGS.per_fold(
            "<results>/train_part/{part}/{channels}/{batch}/{architecture}/{fold}.parquet"
        ),
    log:
        "<logs>/train_part/{part}/{channels}/{batch}/{architecture}/"
        + TRAININGS.file_of_job
        + ".log",
    retries: RUN.retries
    conda:
        "../envs/training.yaml"
    resources:
        **TRAININGS.resources,
    params:
        options=TRAININGS.part_options,
        select=RUN.select,
        batch=TRAININGS.batch,
        continued=TRAININGS.continued,
    shell:
        "python -m workflow_lib.stages.train_part"
        " {params.options}"
        " {params.select:q}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --folds {input.folds:q}"
        " --channels {wildcards.channels}"
        " --batch {params.batch}"
        " --architecture {wildcards.architecture}"
        f" --fold {TRAININGS.folds_of_job}"
        " --part {wildcards.part}"
        " --continued {params.continued:q}"
        " --output {output.scores:q}"
        f" 2> {{log:q}}{RUN.failure_marker}"


rule score_converted:
    """Convert the network of one training to another precision, and score its file on the fold's validation chips."""
    input:
        **RUN.dataset_files,
        trained="<results>/train_fold/{channels}/{batch}/{architecture}/{fold}.parquet",
        weights="<results>/train_fold/{channels}/{batch}/{architecture}/{fold}.pt",
    output:
        scores="<results>/score_converted/{channels}/{batch}/{architecture}/{precision}/{fold}.parquet",
    log:
        "<logs>/score_converted/{channels}/{batch}/{architecture}/{precision}/{fold}.log",
    retries: RUN.retries
    conda:
        "../envs/training.yaml"
    resources:
        **TRAININGS.conversion_resources,
    params:
        options=RUN.options(
            "score_converted",
            *RUN.dataset_flags,
            *RUN.conversion_flags(CONFIG.grid),
            *flags(CONFIG, "seed"),
        ),
        select=RUN.select,
    shell:
        "python -m workflow_lib.stages.score_converted"
        " {params.options}"
        " {params.select:q}"
        " --precision {wildcards.precision}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --folds {input.folds:q}"
        " --trained {input.trained:q}"
        " --weights {input.weights:q}"
        " --output {output.scores:q}"
        f" 2> {{log:q}}{RUN.failure_marker}"


rule train_forest:
    """Train the reference classifier, a random forest on colour percentiles, on one fold."""
    input:
        **RUN.dataset_files,
    output:
        "<results>/train_forest/{channels}/{fold}.parquet",
    log:
        "<logs>/train_forest/{channels}/{fold}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **RUN.reading_resources(),
    params:
        options=RUN.options("train_forest", *RUN.dataset_flags, *flags(CONFIG, "seed")),
        select=RUN.select,
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


rule gather_table:
    """Gather the one-row tables of many jobs; paths are passed on standard input, which has no length limit."""
    input:
        TRAININGS.parts,
    output:
        "<results>/gather_table/{table}.parquet",
    log:
        "<logs>/gather_table/{table}.log",
    conda:
        "../envs/data.yaml"
    resources:
        **RUN.stage_resources("gather_table"),
    params:
        table=lambda wildcards: wildcards.table.partition("_before_")[0],
        options=TRAININGS.gather_options,
    shell:
        "printf '%s\\n' {input:q} | python -m workflow_lib.stages.gather_table"
        " {params.options}"
        " --table {params.table}"
        " --output {output:q}"
        " 2> {log:q}"


checkpoint race_folds:
    """Decide, when racing, which candidates to stop training before a fold."""
    input:
        unpack(
            lambda wildcards: (
                {"earlier": f"<results>/race_folds/{int(wildcards.fold) - 1}.parquet"}
                if int(wildcards.fold) > CONFIG.racing.first_folds
                else {}
            )
        ),
        scores="<results>/gather_table/fold_scores_before_{fold}.parquet",
        networks="<results>/gather_table/networks.parquet",
        latencies="<results>/gather_table/latencies.parquet",
    output:
        "<results>/race_folds/{fold}.parquet",
    log:
        "<logs>/race_folds/{fold}.log",
    conda:
        "../envs/report.yaml"
    resources:
        **RUN.stage_resources("race_folds"),
    params:
        options=RUN.options(
            "race_folds",
            *flags(CONFIG.racing),
            *flags(CONFIG.front, "objectives"),
            *flags(CONFIG.folds, "count"),
            "--baselines",
            *CONFIG.grid.compared_networks,
        ),
        optional=RUN.optional_flags("earlier"),
    shell:
        "python -m workflow_lib.stages.race_folds"
        " {params.options}"
        " {params.optional:q}"
        " --scores {input.scores:q}"
        " --networks {input.networks:q}"
        " --latencies {input.latencies:q}"
        " --output {output:q}"
        " 2> {log:q}"
