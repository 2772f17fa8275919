"""Figures and the report.

input:  the tables of all stages
output: <results>/plot_figures/*, <results>/plot_efficiency/*, <results>/build_report/*
"""

BUILT = [
    device for device, predictor in CONFIG.devices.items() if predictor.kind == "built"
]
FIGURES = [
    "input_channels",
    "front_3d",
    "front_radar",
    "front_pairs",
    "latency_devices",
    "dimension_effects",
    # Of one split, who validates is a matter of role.
    *(["chip_map"] if not CONFIG.folds.same_split else []),
    "chip_map_roles",
    *(["predictor_validation"] if BUILT else []),
]


EFFICIENCY_FIGURES = [
    "efficiency_fronts",
    "efficiency_boxes",
    "efficiency_dominance",
    *(["efficiency_training"] if CONFIG.efficiency.training_inputs else []),
]


# What a run is for, and what lies between.
RESULTS = [
    "<results>/build_candidates/candidates.parquet",
    "<results>/build_front/front.parquet",
    "<results>/score_efficiency/efficiency.parquet",
    "<results>/plot_figures/front_3d.html",
    "<results>/build_report/report.html",
]


rule plot_figures:
    """Draw every figure as PNG and PDF, and the front as a page to turn and zoom."""
    input:
        **FOLDED_CHIPS,
        ranked="<results>/build_front/ranked.parquet",
        validations=expand(
            "<results>/build_predictor/{device}.validation.parquet", device=BUILT
        ),
    output:
        figures=report(
            expand("<results>/plot_figures/{figure}.png", figure=FIGURES),
            category="Figures",
            labels={"run": RUN},
        ),
        vector=expand("<results>/plot_figures/{figure}.pdf", figure=FIGURES),
        interactive="<results>/plot_figures/front_3d.html",
    log:
        "<logs>/plot_figures.log",
    conda:
        "../envs/report.yaml"
    resources:
        **fixed("plot_figures"),
    params:
        options=options(
            "plot_figures",
            *DATASET,
            *flags(CONFIG.front, "objectives"),
            *flags(CONFIG.grid, "channel_sets"),
            "--devices",
            *CONFIG.devices_with("latency_ms"),
            *flags(CONFIG.report, "dpi"),
        ),
        validations=lambda wildcards, input: (
            ["--validations", *input.validations] if BUILT else []
        ),
    shell:
        "python -m workflow_lib.stages.plot_figures"
        " {params.options}"
        " {params.validations:q}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --folds {input.folds:q}"
        " --ranked {input.ranked:q}"
        " --figures {output.figures:q} {output.vector:q}"
        " --interactive {output.interactive:q}"
        " 2> {log:q}"


rule plot_efficiency:
    """Draw the candidates' relative efficiency as PNG and PDF."""
    input:
        scores="<results>/score_efficiency/efficiency.parquet",
        sampled="<results>/score_efficiency/samples.parquet",
        dominance="<results>/score_efficiency/dominance.parquet",
    output:
        figures=report(
            expand(
                "<results>/plot_efficiency/{figure}.png", figure=EFFICIENCY_FIGURES
            ),
            category="Figures",
            labels={"run": RUN},
        ),
        vector=expand(
            "<results>/plot_efficiency/{figure}.pdf", figure=EFFICIENCY_FIGURES
        ),
    log:
        "<logs>/plot_efficiency.log",
    conda:
        "../envs/report.yaml"
    resources:
        **fixed("plot_efficiency"),
    params:
        options=options(
            "plot_efficiency",
            "--inputs",
            *CONFIG.efficiency.inputs,
            "--outputs",
            *CONFIG.efficiency.outputs,
            *flags(CONFIG.report, "dpi"),
        ),
    shell:
        "python -m workflow_lib.stages.plot_efficiency"
        " {params.options}"
        " --scores {input.scores:q}"
        " --sampled {input.sampled:q}"
        " --dominance {input.dominance:q}"
        " --figures {output.figures:q} {output.vector:q}"
        " 2> {log:q}"


rule build_report:
    """Write the report that a person reads, and the tables that go with it."""
    input:
        **HOLDOUT,
        **UTILIZATIONS,
        **PROPOSALS,
        **(
            {"race": f"<results>/race_folds/{FOLDS[-1]}.parquet"}
            if CONFIG.racing
            else {}
        ),
        **(
            {"comparison_table": "<results>/compare_strategies/comparison.parquet"}
            if CONFIG.comparison
            else {}
        ),
        **RUNS,
        **SAMPLES,
        **PRECISIONS,
        **MAP,
        **BATTERIES,
        **PACKED,
        **CELLS,
        **{name: path for name, path in QUALITY.items() if name != "ranks"},
        chips="<results>/import_chips/chips.parquet",
        bands="<results>/import_chips/bands.parquet",
        rejected="<results>/import_chips/rejected.parquet",
        notices="<results>/import_chips/notices.parquet",
        folds="<results>/assign_folds/folds.parquet",
        ranked="<results>/build_front/ranked.parquet",
        scores="<results>/gather_table/fold_scores.parquet",
        networks="<results>/gather_table/networks.parquet",
        forest="<results>/gather_table/forest_scores.parquet",
        latencies="<results>/gather_table/latencies.parquet",
        efficiency="<results>/score_efficiency/efficiency.parquet",
        figures=expand("<results>/plot_figures/{figure}.png", figure=FIGURES)
        + expand("<results>/plot_efficiency/{figure}.png", figure=EFFICIENCY_FIGURES)
        + (
            expand(
                "<results>/plot_utilization/{figure}.png", figure=UTILIZATION_FIGURES
            )
            if CONFIG.utilization
            else []
        )
        + (
            expand("<results>/plot_comparison/{figure}.png", figure=COMPARISON_FIGURES)
            if CONFIG.comparison
            else []
        )
        + expand("<results>/plot_supernets/{figure}.png", figure=SUPERNET_FIGURES)
        + expand("<results>/plot_battery/{figure}.png", figure=BATTERY_FIGURES)
        + expand("<results>/plot_cells/{figure}.png", figure=CELL_FIGURES)
        + (["<results>/compare_runs/runs_fronts.png"] if CONFIG.report.beside else [])
        + (["<results>/plot_samples/sample_map.png"] if SAMPLED else [])
        + (
            ["<results>/plot_precisions/front_precisions.png"]
            if CONFIG.precisions
            else []
        )
        + (
            expand("<results>/plot_map/{figure}.png", figure=MAP_FIGURES)
            if AREAS
            else []
        ),
        interactive="<results>/plot_figures/front_3d.html",
    output:
        page=report(
            "<results>/build_report/report.html",
            category="Report",
            htmlindex="report.html",
        ),
        provenance=report(
            "<results>/build_report/provenance.csv",
            category="Provenance",
            labels={"run": RUN},
        ),
        counts="<results>/build_report/region_counts.csv",
        ranges="<results>/build_report/ranges.csv",
        baselines="<results>/build_report/baselines.csv",
    log:
        "<logs>/build_report.log",
    conda:
        "../envs/report.yaml"
    resources:
        **fixed("build_report"),
    params:
        options=options(
            "build_report",
            *flags(
                CONFIG, *(key for key in Config.model_fields if key != "execution")
            ),
            f"--config-digest={CONFIG.digest}",
        ),
        lists=lists("batteries", "packed", "derived", "graphs", "samples"),
        optional=optional(
            "holdout",
            "race",
            "utilizations",
            "proposals",
            "comparison_table",
            "runs",
            "quality",
            "difficulty",
            "precisions_table",
            "map_scores",
        ),
        tables=lambda wildcards, input: [
            file for file in dict.fromkeys(input) if file.endswith(".parquet")
        ],
    shell:
        "python -m workflow_lib.stages.build_report"
        " {params.options}"
        " --stamped {params.tables:q}"
        " {params.lists:q}"
        " {params.optional:q}"
        " --chips {input.chips:q}"
        " --bands {input.bands:q}"
        " --rejected {input.rejected:q}"
        " --notices {input.notices:q}"
        " --folds-table {input.folds:q}"
        " --ranked {input.ranked:q}"
        " --scores {input.scores:q}"
        " --networks {input.networks:q}"
        " --forest {input.forest:q}"
        " --latencies {input.latencies:q}"
        " --efficiency-table {input.efficiency:q}"
        " --figures {input.figures:q}"
        " --interactive {input.interactive:q}"
        " --page {output.page:q}"
        " --provenance {output.provenance:q}"
        " --region-counts {output.counts:q}"
        " --ranges {output.ranges:q}"
        " --baselines {output.baselines:q}"
        " 2> {log:q}"
