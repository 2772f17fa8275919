"""From scenes and labelled points to chips.

input:  the scenes and points of the config, or none when land is generated
output: <results>/generate_landscape/{area}/*, <results>/sample_points/{region}.*,
        <results>/clip_chips/{region}/{tile}/, <results>/gather_chips/chips/
"""

from workflow_lib.data.scene_paths import landscape
from workflow_lib.workflow.scene_jobs import SceneJobs

SCENES = SceneJobs(RUN)


rule generate_landscape:
    """Generate the scenes of one area, with the places where roads cross channels."""
    output:
        scenes=expand(
            "<results>/generate_landscape/{{area}}/{source}_{tile}.tif",
            source=["DEM", "Aer"],
            tile=SCENES.generated_tiles,
        ),
        points="<results>/generate_landscape/{area}/points.csv",
    log:
        "<logs>/generate_landscape/{area}.log",
    conda:
        "../envs/data.yaml"
    resources:
        **RUN.fixed("generate_landscape"),
    params:
        options=RUN.options(
            "generate_landscape",
            *flags(landscape(CONFIG)),
            *flags(CONFIG, "seed"),
        ),
    shell:
        "python -m workflow_lib.stages.generate_landscape"
        " {params.options}"
        " --area {wildcards.area}"
        " --scenes {output.scenes:q}"
        " --points {output.points:q}"
        " 2> {log:q}"


rule sample_points:
    """Decide where a region's chips are cut: at its points, and at places drawn at random."""
    input:
        SCENES.made_samples,
    output:
        multiext("<results>/sample_points/{region}", ".parquet", ".csv"),
    log:
        "<logs>/sample_points/{region}.log",
    conda:
        "../envs/data.yaml"
    resources:
        **RUN.fixed("sample_points"),
    params:
        options=RUN.options(
            "sample_points",
            *flags(CONFIG.data.clip),
            *flags(CONFIG.data, "chip_size_px", "max_nodata_pct"),
            *RUN.nodata_flags,
            "--classes",
            *CONFIG.data.classes,
            *flags(CONFIG, "seed"),
        ),
        folders=SCENES.folders,
        points=SCENES.points,
        # What is made from the samples needs no record of these scenes: they are sampled again first.
        external=RUN.external("sample_points", SCENES.patterns),
    shell:
        "{params.external}python -m workflow_lib.stages.sample_points"
        " {params.options}"
        " --folders {params.folders:q}"
        " --region {wildcards.region}"
        " --file {params.points:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule clip_chips:
    """Cut the chips around the samples that lie in one tile."""
    input:
        scenes=SCENES.made_scenes,
        samples="<results>/sample_points/{region}.parquet",
    output:
        directory("<results>/clip_chips/{region}/{tile}"),
    log:
        "<logs>/clip_chips/{region}/{tile}.log",
    conda:
        "../envs/data.yaml"
    resources:
        **RUN.fixed("clip_chips"),
    params:
        options=RUN.options(
            "clip_chips",
            *flags(CONFIG.data.clip),
            *flags(CONFIG.data, "chip_size_px"),
            *RUN.nodata_flags,
        ),
        folders=SCENES.folders,
    shell:
        "python -m workflow_lib.stages.clip_chips"
        " {params.options}"
        " --folders {params.folders:q}"
        " --region {wildcards.region}"
        " --tile {wildcards.tile}"
        " --samples {input.samples:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule gather_chips:
    """Put the chips of all tiles into the layout that chips are imported from."""
    input:
        SCENES.tile_folders,
    output:
        directory("<results>/gather_chips/chips"),
    log:
        "<logs>/gather_chips.log",
    conda:
        "../envs/data.yaml"
    resources:
        **RUN.fixed("gather_chips"),
    params:
        options=RUN.options(
            "gather_chips",
            "--folders",
            *dict.fromkeys(
                part.folder for parts in CONFIG.data.regions.values() for part in parts
            ),
            "--classes",
            *CONFIG.data.classes,
        ),
    shell:
        "python -m workflow_lib.stages.gather_chips"
        " {params.options}"
        " --tiles {input:q}"
        " --output {output:q}"
        " 2> {log:q}"
