"""From scenes and labelled points to chips.

input:  the scenes and points of the config, or none when land is generated
output: <results>/generate_landscape/{area}/*, <results>/sample_points/{region}.*,
        <results>/clip_chips/{region}/{tile}/, <results>/gather_chips/chips/, <results>/plot_samples/*
"""


def scene_files(area, layer):
    """The files of a layer's scenes by name; what is missing is among them, for the stages to report."""
    if LANDSCAPE:
        source = "DEM" if "dem" in layer.bands else "Aer"
        return [
            f"results/{RUN}/generate_landscape/{area}/{source}_{tile}.tif"
            for tile in range(LANDSCAPE.tiles**2)
        ]
    return sorted(set(sum(map(named_files, layer.scenes), [])))


def scene_patterns(layers):
    """The names of layers' scenes as the config has them: there may be thousands of files, too many for a command."""
    return [] if LANDSCAPE else sum((layer.scenes for layer in layers), [])


def points_file(region):
    """A region's labelled points."""
    if LANDSCAPE:
        return f"results/{RUN}/generate_landscape/{region}/points.csv"
    return CONFIG.data.clip.points[region]


def made(files):
    """Those of a job's scenes and points that the workflow makes: its inputs."""
    return list(files) if LANDSCAPE else []


@cache
def region_scenes(region):
    """The files of all a region's scenes, folder by folder."""
    return [scene_files(region, part) for part in CONFIG.data.regions[region]]


def sampled_files(wildcards):
    """The scenes and the points of a region."""
    return [
        *sum(region_scenes(wildcards.region), []),
        points_file(wildcards.region),
    ]


def sampled_patterns(wildcards):
    """The same, from outside and as the config names them."""
    if LANDSCAPE:
        return []
    region = wildcards.region
    return [*scene_patterns(CONFIG.data.regions[region]), points_file(region)]


def region_folders(wildcards):
    """A region's raster folders with their scenes' files, as a flag."""
    parts = zip(CONFIG.data.regions[wildcards.region], region_scenes(wildcards.region))
    return json.dumps([part.model_dump() | {"scenes": files} for part, files in parts])


def tile_folders(wildcards):
    """The chips of all tiles: one per scene of each region's first folder."""
    return [
        f"<results>/clip_chips/{region}/{tile}"
        for region in CONFIG.data.regions
        for tile in range(len(region_scenes(region)[0]))
    ]


rule generate_landscape:
    """Generate the scenes of one area, with the places where roads cross channels."""
    output:
        scenes=expand(
            "<results>/generate_landscape/{{area}}/{source}_{tile}.tif",
            source=["DEM", "Aer"],
            tile=range(LANDSCAPE.tiles**2) if LANDSCAPE else [0],
        ),
        points="<results>/generate_landscape/{area}/points.csv",
    log:
        "<logs>/generate_landscape/{area}.log",
    conda:
        "../envs/data.yaml"
    resources:
        **fixed("generate_landscape"),
    params:
        options=options(
            "generate_landscape",
            *flags(LANDSCAPE),
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
        lambda wildcards: made(sampled_files(wildcards)),
    output:
        multiext("<results>/sample_points/{region}", ".parquet", ".csv"),
    log:
        "<logs>/sample_points/{region}.log",
    conda:
        "../envs/data.yaml"
    resources:
        **fixed("sample_points"),
    params:
        options=options(
            "sample_points",
            *flags(CONFIG.data.clip),
            *flags(CONFIG.data, "chip_size_px", "max_nodata_pct"),
            *NODATA,
            "--classes",
            *CONFIG.data.classes,
            *flags(CONFIG, "seed"),
        ),
        folders=region_folders,
        points=lambda wildcards: points_file(wildcards.region),
        # What is made from the samples needs no record of these scenes: they are sampled again first.
        external=external("sample_points", sampled_patterns),
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
        scenes=lambda wildcards: made(sum(region_scenes(wildcards.region), [])),
        samples="<results>/sample_points/{region}.parquet",
    output:
        directory("<results>/clip_chips/{region}/{tile}"),
    log:
        "<logs>/clip_chips/{region}/{tile}.log",
    conda:
        "../envs/data.yaml"
    resources:
        **fixed("clip_chips"),
    params:
        options=options(
            "clip_chips",
            *flags(CONFIG.data.clip),
            *flags(CONFIG.data, "chip_size_px"),
            *NODATA,
        ),
        folders=region_folders,
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
        tile_folders,
    output:
        directory("<results>/gather_chips/chips"),
    log:
        "<logs>/gather_chips.log",
    conda:
        "../envs/data.yaml"
    resources:
        **fixed("gather_chips"),
    params:
        options=options(
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


rule plot_samples:
    """Draw where chips were cut, on the scenes, and where there could be none."""
    input:
        scenes=made(file for region in SAMPLED for file in region_scenes(region)[-1]),
        samples=expand("<results>/sample_points/{region}.parquet", region=SAMPLED),
    output:
        figures=report(
            "<results>/plot_samples/sample_map.png",
            category="Figures",
            labels={"run": RUN},
        ),
        vector="<results>/plot_samples/sample_map.pdf",
    log:
        "<logs>/plot_samples.log",
    conda:
        "../envs/report.yaml"
    resources:
        **fixed("plot_samples"),
    params:
        options=options("plot_samples", *flags(CONFIG.report, "dpi")),
        scenes=lambda wildcards: json.dumps(
            {region: region_scenes(region)[-1] for region in SAMPLED}
        ),
    shell:
        "python -m workflow_lib.stages.plot_samples"
        " {params.options}"
        " --scenes {params.scenes:q}"
        " --samples {input.samples:q}"
        " --figures {output.figures:q} {output.vector:q}"
        " 2> {log:q}"
