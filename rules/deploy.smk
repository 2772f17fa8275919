"""The chosen model: in smaller numbers, ready to be copied to a device, and applied to whole scenes.

input:  <results>/import_chips/*, <results>/build_front/*, <results>/train_fold/**.pt, the scenes of the map
output: <results>/measure_precisions/*, <results>/plot_precisions/*, <results>/deploy_model/{candidate}/*,
        <results>/apply_model/{area}.*, <results>/score_map/*, <results>/plot_map/*
"""

from collections import defaultdict

SMALLER = CONFIG.precisions.smaller if CONFIG.precisions else []
# Everything that a device needs, in one folder.
BUNDLE = [
    "model.onnx",
    *(f"model_{precision}.onnx" for precision in SMALLER),
    "bundle.json",
    "model_card.md",
    "apply_model.pyz",
    "requirements.txt",
    "SHA256SUMS",
]
BACKGROUND = CONFIG.background
TARGET = next(label for label in reversed(CONFIG.data.classes) if label != BACKGROUND)


def area_scenes(area):
    """Bands of each layer of an area of the map, and its files."""
    layers = CONFIG.map.areas[area].layers
    if LANDSCAPE:
        layers = next(iter(CONFIG.data.regions.values()))
    scenes = defaultdict(list)
    for layer in layers:
        scenes[",".join(layer.bands)] += scene_files(area, layer)
    return scenes


def truth_files():
    """The true places of the areas where they are known."""
    if LANDSCAPE:
        return {
            area: f"results/{RUN}/generate_landscape/{area}/points.csv"
            for area in AREAS
        }
    return {name: area.truth for name, area in CONFIG.map.areas.items() if area.truth}


rule measure_precisions:
    """Write the front's networks in smaller numbers, and run all files, with no other job at work."""
    input:
        **FOLDED_CHIPS,
        front="<results>/build_front/front.parquet",
        weights=weights_parts,
    output:
        multiext("<results>/measure_precisions/precisions", ".parquet", ".csv"),
    log:
        "<logs>/measure_precisions.log",
    conda:
        "../envs/training.yaml"
    threads: ALL_CORES
    resources:
        **fixed("measure_precisions"),
        **ALONE,
    params:
        options=options(
            "measure_precisions",
            *DATASET,
            *flags(CONFIG.precisions),
            *flags(CONFIG.grid, "channel_sets"),
            *flags(CONFIG, "seed"),
            f"--weights=results/{RUN}/train_fold/{{channels}}/{{batch}}/{{architecture}}/{{fold}}.pt",
        ),
    shell:
        "python -m workflow_lib.stages.measure_precisions"
        " {params.options}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --folds {input.folds:q}"
        " --front {input.front:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule plot_precisions:
    """Draw the front's networks in all precisions."""
    input:
        precisions="<results>/measure_precisions/precisions.parquet",
        ranked="<results>/build_front/ranked.parquet",
    output:
        figures=report(
            "<results>/plot_precisions/front_precisions.png",
            category="Figures",
            labels={"run": RUN},
        ),
        vector="<results>/plot_precisions/front_precisions.pdf",
    log:
        "<logs>/plot_precisions.log",
    conda:
        "../envs/report.yaml"
    resources:
        **fixed("plot_precisions"),
    params:
        options=options("plot_precisions", *flags(CONFIG.report, "dpi")),
    shell:
        "python -m workflow_lib.stages.plot_precisions"
        " {params.options}"
        " --precisions {input.precisions:q}"
        " --ranked {input.ranked:q}"
        " --figures {output.figures:q} {output.vector:q}"
        " 2> {log:q}"


rule deploy_model:
    """Retrain a candidate on all its data and write everything that a device needs."""
    input:
        **HOLDOUT,
        array="<results>/import_chips/chips.npy",
        moments="<results>/import_chips/moments.npy",
        chips="<results>/import_chips/chips.parquet",
        ranked="<results>/build_front/ranked.parquet",
    output:
        expand(
            "<results>/deploy_model/{candidate}/{file}",
            file=BUNDLE,
            allow_missing=True,
        ),
    log:
        "<logs>/deploy_model/{candidate}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **training(),
    params:
        options=options(
            "deploy_model",
            *DATASET,
            *flags(CONFIG.training),
            *flags(CONFIG.grid, "channel_sets"),
            *flags(CONFIG.data, "max_nodata_pct"),
            *NODATA,
            *flags(CONFIG, "seed", "precisions"),
            *([f"--background={BACKGROUND}"] if BACKGROUND else []),
            "--resampling",
            json.dumps(
                {
                    band: part.resampling
                    for parts in CONFIG.data.regions.values()
                    for part in parts
                    for band in part.bands
                }
            ),
        ),
        optional=optional("holdout"),
    shell:
        "python -m workflow_lib.stages.deploy_model"
        " {params.options}"
        " {params.optional:q}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --ranked {input.ranked:q}"
        " --candidate {wildcards.candidate}"
        " --files {output:q}"
        " 2> {log:q}"


rule apply_model:
    """Slide the recommended model over the scenes of one area."""
    input:
        bundle=expand("<results>/deploy_model/recommended/{file}", file=BUNDLE),
        scenes=lambda wildcards: made(sum(area_scenes(wildcards.area).values(), [])),
    output:
        probability="<results>/apply_model/{area}.tif",
        detections="<results>/apply_model/{area}.gpkg",
    log:
        "<logs>/apply_model/{area}.log",
    conda:
        "../envs/field.yaml"
    threads: ALL_CORES
    resources:
        **fixed("apply_model"),
    params:
        options=options(
            "apply_model",
            *flags(
                CONFIG.map, "precision", "overlap", "threshold", "least_distance_m"
            ),
        ),
        scenes=lambda wildcards: [
            f"--scene={bands}={file}"
            for bands, files in area_scenes(wildcards.area).items()
            for file in files
        ],
        external=external(
            "apply_model",
            lambda wildcards: scene_patterns(CONFIG.map.areas[wildcards.area].layers),
        ),
    shell:
        "{params.external}python -m workflow_lib.stages.apply_model"
        f" {shlex.quote(f'results/{RUN}/deploy_model/recommended')}"
        " {params.options}"
        " {params.scenes:q}"
        " --threads {threads}"
        " --probability {output.probability:q}"
        " --detections {output.detections:q}"
        " 2> {log:q}"


rule score_map:
    """Compare what the model found with true places, where these are known."""
    input:
        found=expand("<results>/apply_model/{area}.gpkg", area=AREAS),
        probability=expand("<results>/apply_model/{area}.tif", area=AREAS),
        truth=made(truth_files().values()) if AREAS else [],
    output:
        detections=multiext("<results>/score_map/detections", ".parquet", ".csv"),
        scores=multiext("<results>/score_map/scores", ".parquet", ".csv"),
    log:
        "<logs>/score_map.log",
    conda:
        "../envs/training.yaml"
    resources:
        **fixed("score_map"),
    params:
        options=options(
            "score_map",
            *flags(CONFIG.map, "tolerance_m", "threshold"),
            *([f"--background={BACKGROUND}"] if BACKGROUND else []),
            "--areas",
            *AREAS,
            "--truth",
            json.dumps(truth_files() if AREAS else {}),
        ),
        external=external(
            "score_map",
            lambda wildcards: [] if LANDSCAPE or not AREAS else truth_files().values(),
        ),
    shell:
        "{params.external}python -m workflow_lib.stages.score_map"
        " {params.options}"
        " --found {input.found:q}"
        " --probability {input.probability:q}"
        " --detections {output.detections:q}"
        " --scores {output.scores:q}"
        " 2> {log:q}"


rule plot_map:
    """Draw what the model found on the scenes, and how well that matches true places."""
    input:
        scenes=made(
            file for area in AREAS for file in list(area_scenes(area).values())[-1]
        ),
        probability=expand("<results>/apply_model/{area}.tif", area=AREAS),
        detections="<results>/score_map/detections.parquet",
        scores="<results>/score_map/scores.parquet",
    output:
        figures=report(
            expand("<results>/plot_map/{figure}.png", figure=MAP_FIGURES),
            category="Figures",
            labels={"run": RUN},
        ),
        vector=expand("<results>/plot_map/{figure}.pdf", figure=MAP_FIGURES),
    log:
        "<logs>/plot_map.log",
    conda:
        "../envs/report.yaml"
    resources:
        **fixed("plot_map"),
    params:
        options=options(
            "plot_map",
            f"--target={TARGET}",
            "--areas",
            json.dumps({area: list(area_scenes(area).values())[-1] for area in AREAS}),
            *flags(CONFIG.report, "dpi"),
        ),
    shell:
        "python -m workflow_lib.stages.plot_map"
        " {params.options}"
        " --probability {input.probability:q}"
        " --detections {input.detections:q}"
        " --scores {input.scores:q}"
        " --figures {output.figures:q} {output.vector:q}"
        " 2> {log:q}"
