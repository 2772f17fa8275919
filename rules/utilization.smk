"""How much of this machine's peak each network's inference reaches, if the config asks for it.

input:  none: utilization depends on architecture, channels, classes, chip size and the machine alone
output: <results>/measure_utilization/{channels}/{architecture}.parquet, ....layers.parquet,
        <results>/plot_utilization/*
"""

UTILIZATION_FIGURES = [
    "utilization_fronts",
    "utilization_roofline",
    "utilization_accuracy",
    *(["utilization_folded"] if CONFIG.utilization and CONFIG.utilization.fold else []),
]


rule measure_utilization:
    """Measure one network's throughput at the largest batch that fits, with no other job at work."""
    output:
        layers="<results>/measure_utilization/{channels}/{architecture}.layers.parquet",
        table="<results>/measure_utilization/{channels}/{architecture}.parquet",
    log:
        "<logs>/measure_utilization/{channels}/{architecture}.log",
    conda:
        "../envs/training.yaml"
    threads: ALL_CORES
    resources:
        **fixed("measure_utilization"),
        **ALONE,
        **({"gpu": 1} if CONFIG.training.device == "cuda" else {}),
    params:
        options=options(
            "measure_utilization",
            *flags(CONFIG.utilization, "memory_limit_mb"),
            *flags(CONFIG.training, "device", "precision"),
            f"--classes={len(CONFIG.data.classes)}",
            *flags(CONFIG.data, "chip_size_px"),
        ),
        inputs=lambda wildcards: f"--inputs={len(CHANNEL_SETS[wildcards.channels])}",
    shell:
        "python -m workflow_lib.stages.measure_utilization"
        " {params.options}"
        " {params.inputs:q}"
        " --channels {wildcards.channels}"
        " --architecture {wildcards.architecture}"
        " --layers {output.layers:q}"
        " --output {output.table:q}"
        " 2> {log:q}"


rule plot_utilization:
    """Draw utilization beside accuracy and throughput, and the networks under the machine's roofline."""
    input:
        ranked="<results>/build_front/ranked.parquet",
        utilizations="<results>/gather_table/utilizations.parquet",
        layers="<results>/gather_table/layers.parquet",
    output:
        figures=report(
            expand(
                "<results>/plot_utilization/{figure}.png", figure=UTILIZATION_FIGURES
            ),
            category="Figures",
            labels={"run": RUN},
        ),
        vector=expand(
            "<results>/plot_utilization/{figure}.pdf", figure=UTILIZATION_FIGURES
        ),
    log:
        "<logs>/plot_utilization.log",
    conda:
        "../envs/report.yaml"
    resources:
        **fixed("plot_utilization"),
    params:
        options=options("plot_utilization", *flags(CONFIG.report, "dpi")),
    shell:
        "python -m workflow_lib.stages.plot_utilization"
        " {params.options}"
        " --ranked {input.ranked:q}"
        " --utilizations {input.utilizations:q}"
        " --layers {input.layers:q}"
        " --figures {output.figures:q} {output.vector:q}"
        " 2> {log:q}"
