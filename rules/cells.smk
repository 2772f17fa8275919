"""Search cells by gradient descent within budgets: price operations, search at several bounds, then at each budget.

input:  <results>/import_chips/*, <results>/assign_folds/folds.parquet
output: <results>/price_operations/{channels}/{quantity}/{skeleton}.parquet,
        <results>/search_cell/{channels}/{quantity}/{target}/{number}/{repeat}.*,
        <results>/build_lookup_graph/{channels}/{quantity}.parquet, <results>/derive_network/{channels}.*
"""

from workflow_lib.workflow.search_jobs import TRAINED_NETWORKS, SearchJobs

SEARCHES = SearchJobs(RUN)


rule price_operations:
    """Price the operations of cells: count a quantity, or predict the cost on a device."""
    input:
        unpack(SEARCHES.operation_predictor),
    output:
        "<results>/price_operations/{channels}/{quantity}/{skeleton}.parquet",
    log:
        "<logs>/price_operations/{channels}/{quantity}/{skeleton}.log",
    conda:
        "../envs/latency.yaml"
    resources:
        **RUN.stage_resources("price_operations"),
    params:
        options=SEARCHES.price_options,
        optional=RUN.optional_flags("predictor"),
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
    """Search for a cell while keeping the expected cost of its network within a bound."""
    input:
        unpack(SEARCHES.lookup_graph),
        **RUN.dataset_files,
        costs="<results>/price_operations/{channels}/{quantity}/searched.parquet",
    output:
        table="<results>/search_cell/{channels}/{quantity}/{target}/{number}/{repeat}.parquet",
        alpha="<results>/search_cell/{channels}/{quantity}/{target}/{number}/{repeat}.alpha.parquet",
    log:
        "<logs>/search_cell/{channels}/{quantity}/{target}/{number}/{repeat}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **RUN.training(trainings=10),
    params:
        options=RUN.options(
            "search_cell",
            *RUN.dataset_flags,
            *SEARCHES.search_flags(),
            *flags(CONFIG.training, "device"),
            *flags(CONFIG, "seed"),
        ),
        select=RUN.select,
        budget=SEARCHES.budget_flag,
        optional=RUN.optional_flags("lookup_graph"),
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
    """Build the look-up graph: the cost of the derived network as a function of the search bound."""
    input:
        costs="<results>/price_operations/{channels}/{quantity}/searched.parquet",
        trained_costs="<results>/price_operations/{channels}/{quantity}/trained.parquet",
        alphas=expand(
            "<results>/search_cell/{{channels}}/{{quantity}}/bound/{number}/0.alpha.parquet",
            number=SEARCHES.bounds,
        ),
    output:
        "<results>/build_lookup_graph/{channels}/{quantity}.parquet",
    log:
        "<logs>/build_lookup_graph/{channels}/{quantity}.log",
    conda:
        "../envs/search.yaml"
    resources:
        **RUN.stage_resources("build_lookup_graph"),
    params:
        options=RUN.options(
            "build_lookup_graph",
            *flags(CONFIG.cell_search, *TRAINED_NETWORKS, "allow_none", "bounds"),
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
    """Derive the best network within the budget from each search."""
    input:
        costs=expand(
            "<results>/price_operations/{{channels}}/{quantity}/trained.parquet",
            quantity=SEARCHES.budgets,
        ),
        searches=SEARCHES.budget_searches("{channels}", ".parquet"),
        alphas=SEARCHES.budget_searches("{channels}", ".alpha.parquet"),
    output:
        multiext("<results>/derive_network/{channels}", ".parquet", ".csv"),
    log:
        "<logs>/derive_network/{channels}.log",
    conda:
        "../envs/search.yaml"
    resources:
        **RUN.stage_resources("derive_network"),
    params:
        options=RUN.options(
            "derive_network",
            *flags(
                CONFIG.cell_search,
                *TRAINED_NETWORKS,
                "allow_none",
                "budgets",
                "min_budget_share",
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
