"""From rasters to one shared array and its folds.

input:  the raster folders of the config's regions, or none when chips are generated
output: results/{run}/import_chips/*, results/{run}/assign_folds/folds.parquet
"""


rule generate_chips:
    """Generate synthetic chips in CROSS's folder layout."""
    output:
        directory("results/{run}/generate_chips/chips"),
    log:
        "results/{run}/logs/generate_chips.log",
    conda:
        "../envs/data.yaml"
    resources:
        **needs.reading(count_chips),
    params:
        options=options(
            "generate_chips",
            *(flags(CONFIG.data.generate) if CONFIG.data.generate else []),
            *flags(CONFIG.data, "chip_size_px"),
            *flags(CONFIG, "seed"),
        ),
    shell:
        "python -m workflow_lib.stages.generate_chips {params.options:q} --output {output:q} 2> {log:q}"


rule import_chips:
    """Read all chips into one memory-mapped array that every job shares."""
    input:
        raster_files,
    output:
        array="results/{run}/import_chips/chips.npy",
        moments="results/{run}/import_chips/moments.npy",
        chips="results/{run}/import_chips/chips.parquet",
        bands="results/{run}/import_chips/bands.parquet",
        rejected="results/{run}/import_chips/rejected.parquet",
    log:
        "results/{run}/logs/import_chips.log",
    conda:
        "../envs/data.yaml"
    resources:
        **needs.reading(count_chips),
    params:
        options=options(
            "import_chips",
            *flags(
                CONFIG.data,
                "regions",
                "classes",
                "chip_size_px",
                "normalisation",
                "on_bad_chip",
                "max_nodata_pct",
            ),
        ),
        root=(
            "results/{run}/generate_chips/chips"
            if CONFIG.data.generate
            else CONFIG.data.root
        ),
    shell:
        "python -m workflow_lib.stages.import_chips"
        " {params.options:q}"
        " --root {params.root:q}"
        " --array {output.array:q}"
        " --moments {output.moments:q}"
        " --chips {output.chips:q}"
        " --bands-table {output.bands:q}"
        " --rejected {output.rejected:q}"
        " 2> {log:q}"


rule assign_folds:
    """Decide which chips train and which validate in each fold."""
    input:
        chips="results/{run}/import_chips/chips.parquet",
    output:
        "results/{run}/assign_folds/folds.parquet",
    log:
        "results/{run}/logs/assign_folds.log",
    conda:
        "../envs/data.yaml"
    resources:
        **needs.fixed("assign_folds"),
    params:
        options=options("assign_folds", *flags(CONFIG.folds), *flags(CONFIG, "seed")),
    shell:
        "python -m workflow_lib.stages.assign_folds"
        " {params.options:q}"
        " --chips {input.chips:q}"
        " --output {output:q}"
        " 2> {log:q}"
