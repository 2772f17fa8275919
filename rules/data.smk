"""Import chips into one shared array and assign them to folds.

input:  the raster folders of the config's regions; none if chips are generated
output: <results>/import_chips/*, <results>/assign_folds/folds.parquet
"""

from workflow_lib.workflow.chip_sources import made_chips, raster_folders


rule generate_chips:
    """Generate synthetic chips in the folder layout of CROSS."""
    output:
        directory("<results>/generate_chips/chips"),
    log:
        "<logs>/generate_chips.log",
    conda:
        "../envs/data.yaml"
    resources:
        **RUN.reading_resources(),
    params:
        options=RUN.options(
            "generate_chips",
            *flags(CONFIG.data.generate),
            *flags(CONFIG.data, "chip_size_px"),
            *flags(CONFIG, "seed"),
        ),
    shell:
        "python -m workflow_lib.stages.generate_chips {params.options} --output {output:q} 2> {log:q}"


rule import_chips:
    """Read all chips into one memory-mapped array that all jobs share."""
    input:
        made_chips(CONFIG) or [],
    output:
        array="<results>/import_chips/chips.npy",
        moments="<results>/import_chips/moments.npy",
        chips="<results>/import_chips/chips.parquet",
        bands="<results>/import_chips/bands.parquet",
        rejected="<results>/import_chips/rejected.parquet",
        notices="<results>/import_chips/notices.parquet",
    log:
        "<logs>/import_chips.log",
    conda:
        "../envs/data.yaml"
    resources:
        **RUN.reading_resources(),
    params:
        options=RUN.options(
            "import_chips",
            *flags(
                CONFIG.data,
                "clip",
                "regions",
                "classes",
                "chip_size_px",
                "normalisation",
                "on_bad_chip",
                "nodata",
                "max_nodata_pct",
            ),
        ),
        # A function, because Snakemake would interpret braces and <x> in a string as placeholders.
        root=lambda wildcards: made_chips(CONFIG) or CONFIG.data.root,
        external=RUN.external("import_chips", lambda wildcards: raster_folders(CONFIG)),
    shell:
        "{params.external}python -m workflow_lib.stages.import_chips"
        " {params.options}"
        " --root {params.root:q}"
        " --array {output.array:q}"
        " --moments {output.moments:q}"
        " --chips {output.chips:q}"
        " --bands-table {output.bands:q}"
        " --rejected {output.rejected:q}"
        " --notices {output.notices:q}"
        " 2> {log:q}"


rule assign_folds:
    """Assign each chip to training or validation in each fold."""
    input:
        chips="<results>/import_chips/chips.parquet",
    output:
        "<results>/assign_folds/folds.parquet",
    log:
        "<logs>/assign_folds.log",
    conda:
        "../envs/data.yaml"
    resources:
        **RUN.stage_resources("assign_folds"),
    params:
        options=RUN.options(
            "assign_folds", *flags(CONFIG.folds), *flags(CONFIG, "seed")
        ),
    shell:
        "python -m workflow_lib.stages.assign_folds"
        " {params.options}"
        " --chips {input.chips:q}"
        " --output {output:q}"
        " 2> {log:q}"
