"""A field device's battery: which networks it switches between, how long it lasts, and the file that it runs.

input:  <results>/build_candidates/candidates.parquet, and where the search took a supernet, its last one
output: <results>/simulate_battery/{channels}.*, <results>/pack_networks/{channels}.*, <results>/plot_battery/*
"""

FROM_SUPERNET = CONFIG.search.strategy == "supernet"
LAST_SUPERNET = (
    f"<results>/rank_subnets/{{channels}}/full/0/{CONFIG.supernet.rankings('full') - 1}"
)
BATTERY_FIGURES = ["battery_charge"] if CONFIG.battery else []
BATTERIES = (
    {
        "batteries": expand(
            "<results>/simulate_battery/{channels}.parquet", channels=CHANNEL_SETS
        )
    }
    if CONFIG.battery
    else {}
)
PACKED = (
    {
        "packed": expand(
            "<results>/pack_networks/{channels}.parquet", channels=CHANNEL_SETS
        )
    }
    if CONFIG.battery and FROM_SUPERNET
    else {}
)


rule simulate_battery:
    """Choose the networks of one channel set that a device switches between, and empty its battery by them."""
    input:
        **({"ranking": f"{LAST_SUPERNET}.parquet"} if FROM_SUPERNET else {}),
        candidates="<results>/build_candidates/candidates.parquet",
    output:
        multiext("<results>/simulate_battery/{channels}", ".parquet", ".csv"),
    log:
        "<logs>/simulate_battery/{channels}.log",
    conda:
        "../envs/search.yaml"
    resources:
        **fixed("simulate_battery"),
    params:
        options=options("simulate_battery", *flags(CONFIG.battery)),
        optional=optional("ranking"),
    shell:
        "python -m workflow_lib.stages.simulate_battery"
        " {params.options}"
        " {params.optional:q}"
        " --channels {wildcards.channels}"
        " --candidates {input.candidates:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule pack_networks:
    """Keep what a device switches between in one file."""
    input:
        **FOLDED_CHIPS,
        battery="<results>/simulate_battery/{channels}.parquet",
        supernet=f"{LAST_SUPERNET}.pt",
    output:
        packed="<results>/pack_networks/{channels}.pt",
        table="<results>/pack_networks/{channels}.parquet",
    log:
        "<logs>/pack_networks/{channels}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **training(),
    params:
        options=options("pack_networks", *SUPERNET_OPTIONS),
        select=select,
    shell:
        "python -m workflow_lib.stages.pack_networks"
        " {params.options}"
        " {params.select:q}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --folds {input.folds:q}"
        " --channels {wildcards.channels}"
        " --number 0"
        " --battery {input.battery:q}"
        " --supernet {input.supernet:q}"
        " --output {output.packed:q}"
        " --table {output.table:q}"
        " 2> {log:q}"


rule plot_battery:
    """Draw how the battery empties."""
    input:
        **BATTERIES,
    output:
        figures=report(
            expand("<results>/plot_battery/{figure}.png", figure=BATTERY_FIGURES),
            category="Figures",
            labels={"run": RUN},
        ),
        vector=expand("<results>/plot_battery/{figure}.pdf", figure=BATTERY_FIGURES),
    log:
        "<logs>/plot_battery.log",
    conda:
        "../envs/report.yaml"
    resources:
        **fixed("plot_battery"),
    params:
        options=options("plot_battery", *flags(CONFIG.report, "dpi")),
    shell:
        "python -m workflow_lib.stages.plot_battery"
        " {params.options}"
        " --batteries {input:q}"
        " --figures {output.figures:q} {output.vector:q}"
        " 2> {log:q}"
