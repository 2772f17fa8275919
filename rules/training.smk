"""Train every candidate on every fold; with racing, until it is clear that it cannot reach the front.

input:  <results>/import_chips/*, <results>/assign_folds/folds.parquet
output: <results>/train_fold/{channels}/{batch}/{architecture}/{fold}.parquet,
        <results>/train_forest/{channels}/{fold}.parquet, <results>/gather_table/{table}.parquet,
        <results>/race_folds/{fold}.parquet
"""

# The scores are one file per fold, whether a job trains one fold or all.
FOLDS_OF_JOB = (
    " ".join(map(str, FOLDS)) if CONFIG.folds_together else "{wildcards.fold}"
)
NAME_OF_JOB = "folds" if CONFIG.folds_together else "{fold}"


def of_folds(path):
    """The files of a job's folds."""
    return (
        expand(path, fold=FOLDS, allow_missing=True) if CONFIG.folds_together else path
    )


rule train_fold:
    """Train one candidate on one fold, or on all of them side by side, each from fresh weights."""
    input:
        **FOLDED_CHIPS,
    output:
        **(
            {
                "weights": of_folds(
                    "<results>/train_fold/{channels}/{batch}/{architecture}/{fold}.pt"
                )
            }
            if CONFIG.keep_weights
            else {}
        ),
        scores=of_folds(
            "<results>/train_fold/{channels}/{batch}/{architecture}/{fold}.parquet"
        ),
    log:
        "<logs>/train_fold/{channels}/{batch}/{architecture}/" + NAME_OF_JOB + ".log",
    benchmark:
        (
            "<benchmarks>/train_fold/{channels}/{batch}/{architecture}/"
            + NAME_OF_JOB
            + ".tsv"
        )
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
            trainings=CONFIG.folds_per_job,
            held=CONFIG.folds_per_job,
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
        f" --fold {FOLDS_OF_JOB}"
        " --output {output.scores:q}"
        + (" --weights {output.weights:q}" if CONFIG.keep_weights else "")
        + " 2> {log:q}"
        + LEFT_OUT


rule train_forest:
    """Train the reference classifier on one fold: a random forest on colour percentiles."""
    input:
        **FOLDED_CHIPS,
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


def fold_parts(folds, rounds=CONFIG.search.rounds):
    """The scores of all candidates on the first folds; with racing, on those before they were stopped."""
    stopped_after = {}
    if CONFIG.racing and folds > CONFIG.racing.first_folds:
        from workflow_lib.core.tables import RACE

        for fold in range(CONFIG.racing.first_folds, folds):
            race = read_own(RACE, Path(checkpoints.race_folds.get(fold=fold).output[0]))
            stopped = zip(race["channels"], race["batch"], race["architecture"])
            stopped_after = dict(zip(stopped, race["after_folds"]))
    return [
        f"<results>/train_fold/{channels}/{batch}/{architecture}/{fold}.parquet"
        for channels, batch, architecture in candidates(rounds)
        for fold in range(
            min(folds, stopped_after.get((channels, batch, architecture), folds))
        )
    ]


def weights_parts(wildcards):
    """The weights of all that is trained, if they are kept: wanted by themselves, or turning it on would train nothing."""
    if not CONFIG.keep_weights:
        return []
    return [part.removesuffix(".parquet") + ".pt" for part in fold_parts(len(FOLDS))]


# Tables of what was known before a fold of a race, or before a round of a search; there is never both.
EARLIER = {
    f"fold_scores_before_{fold}": partial(fold_parts, fold)
    for fold in FOLDS
    if CONFIG.racing and fold >= CONFIG.racing.first_folds
} | {
    f"fold_scores_before_{number}": partial(fold_parts, len(FOLDS), number)
    for number in range(1, CONFIG.search.rounds)
}
FOLDED = [
    f"{network}-f{CONFIG.utilization.fold}"
    for network in NETWORKS
    if CONFIG.utilization and CONFIG.utilization.fold
]
PARTS = {
    "fold_scores": partial(fold_parts, len(FOLDS)),
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
    **{
        table: expand(
            f"<results>/measure_utilization/{{channels}}/{{architecture}}{suffix}",
            channels=CHANNEL_SETS,
            architecture=[*NETWORKS, *FOLDED],
        )
        for table, suffix in {
            "utilizations": ".parquet",
            "layers": ".layers.parquet",
        }.items()
        if CONFIG.utilization
    },
}


def gathered_parts(table):
    """The files that a table of gather_table is made of."""
    parts = (PARTS | EARLIER)[table]
    return parts() if callable(parts) else parts


rule gather_table:
    """Put the one-row tables of many jobs into one; their paths go through standard input, which has no length limit."""
    input:
        lambda wildcards: gathered_parts(wildcards.table),
    output:
        "<results>/gather_table/{table}.parquet",
    log:
        "<logs>/gather_table/{table}.log",
    conda:
        "../envs/data.yaml"
    resources:
        **fixed("gather_table"),
    params:
        table=lambda wildcards: wildcards.table.partition("_before_")[0],
        options=lambda wildcards: options(
            "gather_table",
            *(
                ["--allow-missing"]
                if ALLOW_MISSING and wildcards.table.startswith("fold_scores")
                else []
            ),
        ),
    shell:
        "printf '%s\\n' {input:q} | python -m workflow_lib.stages.gather_table"
        " {params.options}"
        " --table {params.table}"
        " --output {output:q}"
        " 2> {log:q}"


checkpoint race_folds:
    """With racing: decide who is trained on a fold, and on those after it."""
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
        **fixed("race_folds"),
    params:
        options=options(
            "race_folds",
            *flags(CONFIG.racing),
            *flags(CONFIG.front, "objectives"),
            *flags(CONFIG.folds, "count"),
            *flags(CONFIG.grid, "baseline"),
        ),
        optional=optional("earlier"),
    shell:
        "python -m workflow_lib.stages.race_folds"
        " {params.options}"
        " {params.optional:q}"
        " --scores {input.scores:q}"
        " --networks {input.networks:q}"
        " --latencies {input.latencies:q}"
        " --output {output:q}"
        " 2> {log:q}"
