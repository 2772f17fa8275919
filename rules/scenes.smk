"""Cut chips from scenes around labelled points.

input:  the scenes and points of the config; none if landscapes are generated
output: <results>/generate_landscape/{area}/*, <results>/sample_points/{region}.*,
        <results>/clip_chips/{region}/{tile}/, <results>/gather_chips/chips/
"""

from workflow_lib.data.scene_paths import landscape
from workflow_lib.workflow.scene_jobs import SceneJobs

SCENES = SceneJobs(RUN)


rule generate_landscape:
    """Generate the scenes of one area and the points where roads cross channels."""
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
        **RUN.stage_resources("generate_landscape"),
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
    """Choose where a region's chips are cut: at labelled points and at random points."""
    input:
        SCENES.made_samples,
    output:
        multiext("<results>/sample_points/{region}", ".parquet", ".csv"),
    log:
        "<logs>/sample_points/{region}.log",
    conda:
        "../envs/data.yaml"
    resources:
        **RUN.stage_resources("sample_points"),
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
        # Later rules need not record these scenes: if a scene changes, the samples are drawn again first.
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
    """Cut the chips around the samples in one tile."""
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
        **RUN.stage_resources("clip_chips"),
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
    """Gather the chips of all tiles into the folder layout of the import."""
    input:
        SCENES.tile_folders,
    output:
        directory("<results>/gather_chips/chips"),
    log:
        "<logs>/gather_chips.log",
    conda:
        "../envs/data.yaml"
    resources:
        **RUN.stage_resources("gather_chips"),
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
