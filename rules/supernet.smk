"""Train supernets, rank their networks and prune them; compare their rankings with the grid that was trained.

input:  <results>/import_chips/*, <results>/assign_folds/folds.parquet, <results>/gather_table/*.parquet
output: <results>/train_supernet/{channels}/{first}/{number}.pt,
        <results>/rank_subnets/{channels}/{variant}/{number}/{ranking}.*,
        <results>/prune_supernet/{channels}/{variant}/{number}/{ranking}.pt, <results>/compare_supernets/*,
        <results>/plot_supernets/*
"""

# The supernets of a run, and what tells them apart.
SUPERNETS = [
    *([("full", 0)] if CONFIG.search.strategy == "supernet" else []),
    *(
        product(CONFIG.ranking_quality.variants, range(CONFIG.ranking_quality.seeds))
        if CONFIG.ranking_quality
        else []
    ),
]
SUPERNET_OPTIONS = [
    *DATASET,
    *flags(CONFIG.supernet, "batch", "learning_rate"),
    *flags(CONFIG.training, "device", "precision"),
    *flags(CONFIG, "seed"),
]
# What networks cost: tables of those of the grid, or prices of the operations of cells.
NETWORK_COSTS = {
    "networks": "<results>/gather_table/networks.parquet",
    "latencies": "<results>/gather_table/latencies.parquet",
}
RANKED_COSTS = (
    {
        "prices": expand(
            "<results>/price_operations/{{channels}}/{quantity}/searched.parquet",
            quantity=CONFIG.supernet_devices,
        )
    }
    if CONFIG.assembled
    else NETWORK_COSTS
)


def last_rankings():
    """The table of each supernet's last ranking."""
    return [
        f"<results>/rank_subnets/{channels}/{variant}/{number}/{CONFIG.supernet.rankings(variant) - 1}.parquet"
        for channels in CHANNEL_SETS
        for variant, number in SUPERNETS
    ]


def before_ranking(wildcards):
    """The supernet that is ranked, and the ranking before."""
    ranking = int(wildcards.ranking)
    if not ranking:
        first = VARIANTS[wildcards.variant].first
        return {
            "supernet": f"<results>/train_supernet/{wildcards.channels}/{first}/{wildcards.number}.pt"
        }
    own = f"{wildcards.channels}/{wildcards.variant}/{wildcards.number}/{ranking - 1}"
    return {
        "supernet": f"<results>/prune_supernet/{own}.pt",
        "earlier": f"<results>/rank_subnets/{own}.parquet",
    }


def ranking_options(wildcards):
    """The flags of one ranking of a variant."""
    variant, ranking = VARIANTS[wildcards.variant], int(wildcards.ranking)
    last = ranking == CONFIG.supernet.rankings(wildcards.variant) - 1
    return [
        f"--second={variant.second}",
        f"--epochs={CONFIG.supernet.epochs_of(wildcards.variant, ranking)}",
        f"--judges-all={str(last and not CONFIG.assembled).lower()}",
    ]


rule train_supernet:
    """Train all networks of one channel set in shared weights: fairly, or one random path after the other."""
    input:
        **FOLDED_CHIPS,
    output:
        "<results>/train_supernet/{channels}/{first}/{number}.pt",
    log:
        "<logs>/train_supernet/{channels}/{first}/{number}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **training(trainings=10),
    params:
        options=options(
            "train_supernet",
            *SUPERNET_OPTIONS,
            *flags(CONFIG.supernet, "fair_epochs"),
            *(
                skeleton_flags("searched")
                if CONFIG.assembled
                else flags(CONFIG.grid.space)
            ),
        ),
        select=select,
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
    """Train what seems best, judge networks by the shared weights, and score all in the order of their Pareto ranks."""
    input:
        unpack(before_ranking),
        **FOLDED_CHIPS,
        **RANKED_COSTS,
    output:
        supernet="<results>/rank_subnets/{channels}/{variant}/{number}/{ranking}.pt",
        table="<results>/rank_subnets/{channels}/{variant}/{number}/{ranking}.parquet",
        alpha="<results>/rank_subnets/{channels}/{variant}/{number}/{ranking}.alpha.parquet",
    log:
        "<logs>/rank_subnets/{channels}/{variant}/{number}/{ranking}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **training(trainings=10),
    params:
        options=options(
            "rank_subnets",
            *SUPERNET_OPTIONS,
            *flags(CONFIG.supernet, "judged", "judge_chips", "judged_by", "cost"),
        ),
        ranking=ranking_options,
        select=select,
        optional=optional("earlier", "networks", "latencies"),
        lists=lists("prices"),
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
    """Drop the values that no good network of a supernet uses."""
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
        **fixed("prune_supernet"),
    params:
        options=options("prune_supernet", *flags(CONFIG.supernet, "kept", "judged_by")),
    shell:
        "python -m workflow_lib.stages.prune_supernet"
        " {params.options}"
        " --supernet {input.supernet:q}"
        " --table {input.table:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule compare_supernets:
    """Compare the rankings of supernets with the grid that was trained."""
    input:
        rankings=last_rankings(),
        scores="<results>/gather_table/fold_scores.parquet",
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
        **fixed("compare_supernets"),
    params:
        options=options(
            "compare_supernets", *flags(CONFIG.supernet, "batch", "judged_by")
        ),
    shell:
        "python -m workflow_lib.stages.compare_supernets"
        " {params.options}"
        " --rankings {input.rankings:q}"
        " --scores {input.scores:q}"
        " --quality {output.quality:q}"
        " --difficulty {output.difficulty:q}"
        " --ranks {output.ranks:q}"
        " 2> {log:q}"


SUPERNET_FIGURES = [
    *(
        ["supernet_alpha"]
        if any(VARIANTS[variant].second == "alpha" for variant, _ in SUPERNETS)
        else []
    ),
    *(["supernet_quality", "supernet_ranks"] if CONFIG.ranking_quality else []),
]
QUALITY = (
    {
        name: f"<results>/compare_supernets/{name}.parquet"
        for name in ("quality", "difficulty", "ranks")
    }
    if CONFIG.ranking_quality
    else {}
)


rule plot_supernets:
    """Draw how alpha was learned, and how well supernets rank."""
    input:
        **QUALITY,
        alphas=[
            f"<results>/rank_subnets/{channels}/{variant}/{number}/{ranking}.alpha.parquet"
            for channels in CHANNEL_SETS
            for variant, number in SUPERNETS
            if number == 0
            for ranking in range(CONFIG.supernet.rankings(variant))
        ],
    output:
        figures=report(
            expand("<results>/plot_supernets/{figure}.png", figure=SUPERNET_FIGURES),
            category="Figures",
            labels={"run": RUN},
        ),
        vector=expand("<results>/plot_supernets/{figure}.pdf", figure=SUPERNET_FIGURES),
    log:
        "<logs>/plot_supernets.log",
    conda:
        "../envs/report.yaml"
    resources:
        **fixed("plot_supernets"),
    params:
        options=options("plot_supernets", *flags(CONFIG.report, "dpi")),
        optional=optional(*QUALITY),
    shell:
        "python -m workflow_lib.stages.plot_supernets"
        " {params.options}"
        " {params.optional:q}"
        " --alphas {input.alphas:q}"
        " --figures {output.figures:q} {output.vector:q}"
        " 2> {log:q}"
