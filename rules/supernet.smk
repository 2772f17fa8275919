"""Train, rank and prune supernets, and compare their rankings with the trained grid.

input:  <results>/import_chips/*, <results>/assign_folds/folds.parquet, <results>/gather_table/*.parquet
output: <results>/train_supernet/{channels}/{first}/{number}.pt,
        <results>/rank_subnets/{channels}/{variant}/{number}/{ranking}.*,
        <results>/prune_supernet/{channels}/{variant}/{number}/{ranking}.pt, <results>/compare_supernets/*
"""

from workflow_lib.workflow.search_jobs import SearchJobs

SEARCHES = SearchJobs(RUN)


rule train_supernet:
    """Train all networks of one channel set with shared weights, by strict fairness or by random paths."""
    input:
        **RUN.dataset_files,
    output:
        "<results>/train_supernet/{channels}/{first}/{number}.pt",
    log:
        "<logs>/train_supernet/{channels}/{first}/{number}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **RUN.training(trainings=10),
    params:
        options=RUN.options(
            "train_supernet",
            *SEARCHES.supernet_flags,
            *flags(CONFIG.supernet, "fair_epochs", "sandwich", "distillation"),
            *SEARCHES.supernet_space,
        ),
        select=RUN.select,
    shell:
        "python -m workflow_lib.stages.train_supernet"
        " {params.options}"
        " {params.select:q}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --folds {input.folds:q}"
        " --channels {wildcards.channels}"
        " --first {wildcards.first}"
        " --number {wildcards.number}"
        " --output {output:q}"
        " 2> {log:q}"


rule rank_subnets:
    """Train the most promising networks, evaluate networks with the shared weights, and score all by Pareto rank."""
    input:
        unpack(SEARCHES.before_ranking),
        **RUN.dataset_files,
        **SEARCHES.ranked_costs,
    output:
        supernet="<results>/rank_subnets/{channels}/{variant}/{number}/{ranking}.pt",
        table="<results>/rank_subnets/{channels}/{variant}/{number}/{ranking}.parquet",
        alpha="<results>/rank_subnets/{channels}/{variant}/{number}/{ranking}.alpha.parquet",
    log:
        "<logs>/rank_subnets/{channels}/{variant}/{number}/{ranking}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **RUN.training(trainings=10),
    params:
        options=RUN.options(
            "rank_subnets",
            *SEARCHES.supernet_flags,
            *flags(
                CONFIG.supernet,
                "evaluated_networks",
                "evaluation_chips",
                "metric",
                "cost",
            ),
        ),
        ranking=SEARCHES.ranking_flags,
        select=RUN.select,
        optional=RUN.optional_flags("earlier", "networks", "latencies"),
        lists=RUN.list_flags("prices"),
    shell:
        "python -m workflow_lib.stages.rank_subnets"
        " {params.options}"
        " {params.ranking:q}"
        " {params.select:q}"
        " {params.optional:q}"
        " {params.lists:q}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --folds {input.folds:q}"
        " --channels {wildcards.channels}"
        " --variant {wildcards.variant}"
        " --number {wildcards.number}"
        " --ranking {wildcards.ranking}"
        " --supernet {input.supernet:q}"
        " --output {output.supernet:q}"
        " --table {output.table:q}"
        " --alpha {output.alpha:q}"
        " 2> {log:q}"


rule prune_supernet:
    """Remove the values that good networks of a supernet do not need."""
    input:
        supernet="<results>/rank_subnets/{channels}/{variant}/{number}/{ranking}.pt",
        table="<results>/rank_subnets/{channels}/{variant}/{number}/{ranking}.parquet",
    output:
        "<results>/prune_supernet/{channels}/{variant}/{number}/{ranking}.pt",
    log:
        "<logs>/prune_supernet/{channels}/{variant}/{number}/{ranking}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **RUN.stage_resources("prune_supernet"),
    params:
        options=RUN.options(
            "prune_supernet",
            *flags(CONFIG.supernet, "pruning", "kept_networks", "metric"),
        ),
    shell:
        "python -m workflow_lib.stages.prune_supernet"
        " {params.options}"
        " --supernet {input.supernet:q}"
        " --table {input.table:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule compare_supernets:
    """Compare the rankings of supernets with the trained grid."""
    input:
        rankings=SEARCHES.last_rankings,
        scores="<results>/gather_table/fold_scores.parquet",
        networks="<results>/gather_table/networks.parquet",
    output:
        quality=multiext("<results>/compare_supernets/quality", ".parquet", ".csv"),
        difficulty=multiext(
            "<results>/compare_supernets/difficulty", ".parquet", ".csv"
        ),
        ranks="<results>/compare_supernets/ranks.parquet",
    log:
        "<logs>/compare_supernets.log",
    conda:
        "../envs/search.yaml"
    resources:
        **RUN.stage_resources("compare_supernets"),
    params:
        options=RUN.options(
            "compare_supernets", *flags(CONFIG.supernet, "batch", "metric")
        ),
    shell:
        "python -m workflow_lib.stages.compare_supernets"
        " {params.options}"
        " --rankings {input.rankings:q}"
        " --scores {input.scores:q}"
        " --networks {input.networks:q}"
        " --quality {output.quality:q}"
        " --difficulty {output.difficulty:q}"
        " --ranks {output.ranks:q}"
        " 2> {log:q}"
