"""Price the operations of cells; search cells by gradient under budgets: at several bounds, look-up graph, at budgets.

input:  <results>/import_chips/*, <results>/assign_folds/folds.parquet
output: <results>/price_operations/{channels}/{quantity}/{skeleton}.parquet,
        <results>/search_cell/{channels}/{quantity}/{target}/{number}/{repeat}.*,
        <results>/build_lookup_graph/{channels}/{quantity}.parquet, <results>/derive_network/{channels}.*,
        <results>/plot_cells/*
"""

# Which networks are searched, and which are trained: look-up graph and derivation depend on it.
NETWORKS_OF_CELLS = [
    "space",
    "width",
    "cells",
    "stem_strides",
    "trained_width",
    "trained_cells",
]
# What does not decide a search: how many there are, and what becomes of them.
AFTER_SEARCH = [
    "budgets",
    "least_share",
    "none_derived",
    "seeds",
    "random_networks",
    "trained_width",
    "trained_cells",
]


BOUNDS = range(CONFIG.cell_search.bounds) if CONFIG.cell_search else []
BUDGETS = CONFIG.cell_search.budgets if CONFIG.cell_search else {}
REPEATS = range(CONFIG.cell_search.seeds) if CONFIG.cell_search else []
CELL_FIGURES = (
    ["cells_accuracy", "cells_budgets", "cells_search", "cells_alpha"]
    if CONFIG.cell_search
    else []
)
CELLS = (
    {
        "derived": expand(
            "<results>/derive_network/{channels}.parquet", channels=CHANNEL_SETS
        ),
        "graphs": expand(
            "<results>/build_lookup_graph/{channels}/{quantity}.parquet",
            channels=CHANNEL_SETS,
            quantity=BUDGETS,
        ),
    }
    if CONFIG.cell_search
    else {}
)


def skeleton_flags(which):
    """Which networks are put together: those that are searched, or those that are trained."""
    skeleton = CONFIG.assembled.skeletons[which]
    return [
        f"--space={CONFIG.assembled.space}",
        f"--width={skeleton.width}",
        f"--cells={skeleton.cells}",
        f"--stem-strides={skeleton.stem_strides}",
    ]


def searches(channels, suffix):
    """What the searches at budgets write."""
    return [
        f"<results>/search_cell/{channels}/{quantity}/budget/{number}/{repeat}{suffix}"
        for quantity, budgets in BUDGETS.items()
        for number in range(len(budgets))
        for repeat in REPEATS
    ]


# The courses of all searches: those that build the look-up graphs, and those at budgets.
SEARCHES = expand(
    "<results>/search_cell/{channels}/{quantity}/bound/{number}/0.parquet",
    channels=CHANNEL_SETS,
    quantity=BUDGETS,
    number=BOUNDS,
) + [path for channels in CHANNEL_SETS for path in searches(channels, ".parquet")]


rule price_operations:
    """Price the operations of cells: what each has of a quantity, or takes on a device."""
    input:
        unpack(
            lambda wildcards: (
                {
                    "predictor": PREDICTORS[CONFIG.devices[wildcards.quantity].kind][
                        "predictor"
                    ].replace("{device}", wildcards.quantity)
                }
                if wildcards.quantity in CONFIG.devices
                else {}
            )
        ),
    output:
        "<results>/price_operations/{channels}/{quantity}/{skeleton}.parquet",
    log:
        "<logs>/price_operations/{channels}/{quantity}/{skeleton}.log",
    conda:
        "../envs/latency.yaml"
    resources:
        **fixed("price_operations"),
    params:
        options=lambda wildcards: options(
            "price_operations",
            *skeleton_flags(wildcards.skeleton),
            *flags(CONFIG.devices.get(wildcards.quantity, PredictorConfig())),
            f"--inputs={len(CHANNEL_SETS[wildcards.channels])}",
            f"--classes={len(CONFIG.data.classes)}",
            *flags(CONFIG.data, "chip_size_px"),
        ),
        optional=optional("predictor"),
    shell:
        "python -m workflow_lib.stages.price_operations"
        " {params.options}"
        " {params.optional:q}"
        " --channels {wildcards.channels}"
        " --quantity {wildcards.quantity}"
        " --skeleton {wildcards.skeleton}"
        " --output {output:q}"
        " 2> {log:q}"


rule search_cell:
    """Search for a cell, with the expected cost of its network held to a bound."""
    input:
        unpack(
            lambda wildcards: (
                {
                    "lookup_graph": f"<results>/build_lookup_graph/{wildcards.channels}/{wildcards.quantity}.parquet"
                }
                if wildcards.target == "budget"
                else {}
            )
        ),
        **FOLDED_CHIPS,
        costs="<results>/price_operations/{channels}/{quantity}/searched.parquet",
    output:
        table="<results>/search_cell/{channels}/{quantity}/{target}/{number}/{repeat}.parquet",
        alpha="<results>/search_cell/{channels}/{quantity}/{target}/{number}/{repeat}.alpha.parquet",
    log:
        "<logs>/search_cell/{channels}/{quantity}/{target}/{number}/{repeat}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **training(trainings=10),
    params:
        options=options(
            "search_cell",
            *DATASET,
            *flags(
                CONFIG.cell_search,
                *(
                    key
                    for key in CellSearchConfig.model_fields
                    if key not in AFTER_SEARCH
                ),
            ),
            *flags(CONFIG.training, "device"),
            *flags(CONFIG, "seed"),
        ),
        select=select,
        budget=lambda wildcards: (
            [f"--budget={BUDGETS[wildcards.quantity][int(wildcards.number)]}"]
            if wildcards.target == "budget"
            else []
        ),
        optional=optional("lookup_graph"),
    shell:
        "python -m workflow_lib.stages.search_cell"
        " {params.options}"
        " {params.select:q}"
        " {params.budget:q}"
        " {params.optional:q}"
        " --costs {input.costs:q}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --folds {input.folds:q}"
        " --channels {wildcards.channels}"
        " --quantity {wildcards.quantity}"
        " --target {wildcards.target}"
        " --number {wildcards.number}"
        " --repeat {wildcards.repeat}"
        " --output {output.table:q}"
        " --alpha {output.alpha:q}"
        " 2> {log:q}"


rule build_lookup_graph:
    """Put the networks that come of searches at several bounds into one look-up graph."""
    input:
        costs="<results>/price_operations/{channels}/{quantity}/searched.parquet",
        trained_costs="<results>/price_operations/{channels}/{quantity}/trained.parquet",
        alphas=expand(
            "<results>/search_cell/{{channels}}/{{quantity}}/bound/{number}/0.alpha.parquet",
            number=BOUNDS,
        ),
    output:
        "<results>/build_lookup_graph/{channels}/{quantity}.parquet",
    log:
        "<logs>/build_lookup_graph/{channels}/{quantity}.log",
    conda:
        "../envs/search.yaml"
    resources:
        **fixed("build_lookup_graph"),
    params:
        options=options(
            "build_lookup_graph",
            *flags(CONFIG.cell_search, *NETWORKS_OF_CELLS, "none_derived", "bounds"),
        ),
    shell:
        "python -m workflow_lib.stages.build_lookup_graph"
        " {params.options}"
        " --costs {input.costs:q}"
        " --trained-costs {input.trained_costs:q}"
        " --alphas {input.alphas:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule derive_network:
    """Derive from each search the best network within its budget."""
    input:
        costs=expand(
            "<results>/price_operations/{{channels}}/{quantity}/trained.parquet",
            quantity=BUDGETS,
        ),
        searches=searches("{channels}", ".parquet"),
        alphas=searches("{channels}", ".alpha.parquet"),
    output:
        multiext("<results>/derive_network/{channels}", ".parquet", ".csv"),
    log:
        "<logs>/derive_network/{channels}.log",
    conda:
        "../envs/search.yaml"
    resources:
        **fixed("derive_network"),
    params:
        options=options(
            "derive_network",
            *flags(
                CONFIG.cell_search,
                *NETWORKS_OF_CELLS,
                "none_derived",
                "budgets",
                "least_share",
                "random_networks",
            ),
            *flags(CONFIG, "seed"),
        ),
    shell:
        "python -m workflow_lib.stages.derive_network"
        " {params.options}"
        " --channels {wildcards.channels}"
        " --costs {input.costs:q}"
        " --searches {input.searches:q}"
        " --alphas {input.alphas:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule plot_cells:
    """Draw the course of the searches, and what became of the budgets, beside networks drawn at random."""
    input:
        **CELLS,
        ranked="<results>/build_front/ranked.parquet",
        searches=expand(searches("{channels}", ".parquet"), channels=CHANNEL_SETS),
        alphas=expand(
            searches("{channels}", ".alpha.parquet")[:1], channels=CHANNEL_SETS
        ),
    output:
        figures=report(
            expand("<results>/plot_cells/{figure}.png", figure=CELL_FIGURES),
            category="Figures",
            labels={"run": RUN},
        ),
        vector=expand("<results>/plot_cells/{figure}.pdf", figure=CELL_FIGURES),
    log:
        "<logs>/plot_cells.log",
    conda:
        "../envs/report.yaml"
    resources:
        **fixed("plot_cells"),
    params:
        options=options("plot_cells", *flags(CONFIG.report, "dpi")),
        lists=lists("derived", "graphs", "searches", "alphas"),
    shell:
        "python -m workflow_lib.stages.plot_cells"
        " {params.options}"
        " {params.lists:q}"
        " --ranked {input.ranked:q}"
        " --figures {output.figures:q} {output.vector:q}"
        " 2> {log:q}"
