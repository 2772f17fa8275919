"""Deploy the chosen model: measure lower precisions, write the bundle, and apply it to whole scenes.

input:  <results>/import_chips/*, <results>/build_front/*, <results>/train_fold/**.pt, the scenes of the map
output: <results>/measure_precisions/*, <results>/deploy_model/{candidate}/*, <results>/deploy_model/{candidate}.pt,
        <results>/deploy_litert/{candidate}/*, <results>/apply_model/{area}.*,
        <results>/score_map/*, <results>/report_map/{area}.html
"""

from workflow_lib.training.score_tables import HOLDOUT_RESULT
from workflow_lib.workflow.map_jobs import MapJobs

MAPS = MapJobs(RUN)


rule measure_precisions:
    """Measure the front's networks in lower precisions while no other job runs."""
    input:
        **RUN.dataset_files,
        front="<results>/build_front/front.parquet",
        weights=TRAININGS.kept_weights,
    output:
        multiext("<results>/measure_precisions/precisions", ".parquet", ".csv"),
    log:
        "<logs>/measure_precisions.log",
    conda:
        "../envs/training.yaml"
    threads: RUN.all_cores
    resources:
        **RUN.stage_resources("measure_precisions"),
        **RUN.exclusive_resources(),
    params:
        options=RUN.options(
            "measure_precisions",
            *RUN.dataset_flags,
            *flags(CONFIG.precisions),
            *flags(CONFIG.grid, "channel_sets"),
            *flags(CONFIG, "seed"),
            f"--weights={RUN.folder}/train_fold/{{candidate}}/{{fold}}.pt",
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


rule deploy_model:
    """Retrain a candidate on all chips and write everything that a device needs."""
    input:
        **RUN.inputs_of(HOLDOUT_RESULT),
        array="<results>/import_chips/chips.npy",
        moments="<results>/import_chips/moments.npy",
        chips="<results>/import_chips/chips.parquet",
        bands="<results>/import_chips/bands.parquet",
        ranked="<results>/build_front/ranked.parquet",
        calibration="<results>/assess_predictions/calibration.parquet",
        selection="<results>/assess_predictions/selection.parquet",
    output:
        weights="<results>/deploy_model/{candidate}.pt",
        bundle=expand(
            "<results>/deploy_model/{candidate}/{file}",
            file=MAPS.bundle,
            allow_missing=True,
        ),
    log:
        "<logs>/deploy_model/{candidate}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **RUN.training(),
    params:
        options=RUN.options(
            "deploy_model",
            *RUN.dataset_flags,
            *flags(CONFIG.training),
            *flags(CONFIG.grid, "channel_sets", "recipes"),
            *flags(CONFIG.data, "max_nodata_pct", "units"),
            *RUN.nodata_flags,
            *flags(CONFIG, "seed", "model_licence"),
            *MAPS.precision_flags,
            *MAPS.background_flag,
            *MAPS.resampling_flags,
        ),
        optional=RUN.optional_flags("holdout"),
    shell:
        "python -m workflow_lib.stages.deploy_model"
        " {params.options}"
        " {params.optional:q}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --ranked {input.ranked:q}"
        " --bands-table {input.bands:q}"
        " --calibration {input.calibration:q}"
        " --selection {input.selection:q}"
        " --candidate {wildcards.candidate}"
        " --weights {output.weights:q}"
        " --files {output.bundle:q}"
        " 2> {log:q}"


rule deploy_litert:
    """Write the deployed network as LiteRT files, and compare them with its ONNX file."""
    input:
        array="<results>/import_chips/chips.npy",
        moments="<results>/import_chips/moments.npy",
        chips="<results>/import_chips/chips.parquet",
        ranked="<results>/build_front/ranked.parquet",
        weights="<results>/deploy_model/{candidate}.pt",
        model="<results>/deploy_model/{candidate}/model.onnx",
    output:
        files=expand(
            "<results>/deploy_litert/{candidate}/model_{file}.tflite",
            file=MAPS.litert_precisions,
            allow_missing=True,
        ),
        table=multiext("<results>/deploy_litert/{candidate}/files", ".parquet", ".csv"),
    log:
        "<logs>/deploy_litert/{candidate}.log",
    conda:
        "../envs/litert.yaml"
    resources:
        **RUN.stage_resources("deploy_litert"),
    params:
        options=RUN.options(
            "deploy_litert",
            *RUN.dataset_flags,
            *RUN.conversion_flags(CONFIG.litert),
            *flags(CONFIG.grid, "channel_sets"),
            *flags(CONFIG, "seed"),
            "--precisions",
            *MAPS.litert_precisions,
        ),
    shell:
        "python -m workflow_lib.stages.deploy_litert"
        " {params.options}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --ranked {input.ranked:q}"
        " --candidate {wildcards.candidate}"
        " --weights {input.weights:q}"
        " --model {input.model:q}"
        " --files {output.files:q}"
        " --output {output.table:q}"
        " 2> {log:q}"


rule apply_model:
    """Slide the recommended model over the scenes of one area."""
    input:
        bundle=expand("<results>/deploy_model/recommended/{file}", file=MAPS.bundle),
        scenes=MAPS.made_scenes,
    output:
        probability="<results>/apply_model/{area}.tif",
        detections="<results>/apply_model/{area}.gpkg",
        classes="<results>/apply_model/{area}.classes.tif",
        drift="<results>/apply_model/{area}.drift.csv",
    log:
        "<logs>/apply_model/{area}.log",
    conda:
        "../envs/field.yaml"
    threads: RUN.all_cores
    resources:
        **RUN.stage_resources("apply_model"),
    params:
        options=RUN.options(
            "apply_model",
            *flags(
                CONFIG.map,
                "precision",
                "overlap",
                "max_error_pct",
                "threshold",
                "min_distance_m",
            ),
        ),
        bundle=lambda wildcards, input: Path(input.bundle[0]).parent,
        scenes=MAPS.scene_flags,
        external=RUN.external("apply_model", MAPS.scene_patterns),
    shell:
        "{params.external}python -m workflow_lib.stages.apply_model"
        " {params.bundle:q}"
        " {params.options}"
        " {params.scenes:q}"
        " --threads {threads}"
        " --probability {output.probability:q}"
        " --detections {output.detections:q}"
        " --classes-map {output.classes:q}"
        " --drift {output.drift:q}"
        " 2> {log:q}"


rule score_map:
    """Compare the places that the model found with the true places, if these are known."""
    input:
        found=expand("<results>/apply_model/{area}.gpkg", area=MAPS.areas),
        probability=expand("<results>/apply_model/{area}.tif", area=MAPS.areas),
        compared=expand("<results>/apply_model/{area}.drift.csv", area=MAPS.areas),
        truth=MAPS.made_truth,
    output:
        drift=multiext("<results>/score_map/drift", ".parquet", ".csv"),
        detections=multiext("<results>/score_map/detections", ".parquet", ".csv"),
        scores=multiext("<results>/score_map/scores", ".parquet", ".csv"),
    log:
        "<logs>/score_map.log",
    conda:
        "../envs/training.yaml"
    resources:
        **RUN.stage_resources("score_map"),
    params:
        options=RUN.options(
            "score_map",
            *flags(CONFIG.map, "tolerance_m", "threshold"),
            *MAPS.background_flag,
            "--areas",
            *MAPS.areas,
            *MAPS.truth_flags,
        ),
        external=RUN.external("score_map", MAPS.external_truth),
    shell:
        "{params.external}python -m workflow_lib.stages.score_map"
        " {params.options}"
        " --found {input.found:q}"
        " --probability {input.probability:q}"
        " --compared {input.compared:q}"
        " --drift {output.drift:q}"
        " --detections {output.detections:q}"
        " --scores {output.scores:q}"
        " 2> {log:q}"


rule report_map:
    """Write the page of a map, with pictures of the places that the model found."""
    input:
        description="<results>/deploy_model/recommended/bundle.json",
        probability="<results>/apply_model/{area}.tif",
        classes="<results>/apply_model/{area}.classes.tif",
        drift="<results>/score_map/drift.parquet",
        detections="<results>/score_map/detections.parquet",
        scores="<results>/score_map/scores.parquet",
        scenes=MAPS.made_scenes,
    output:
        report(
            "<results>/report_map/{area}.html",
            category="Maps",
            labels={"area": "{area}"},
        ),
    log:
        "<logs>/report_map/{area}.log",
    conda:
        "../envs/report.yaml"
    resources:
        **RUN.stage_resources("report_map"),
    params:
        options=RUN.options("report_map"),
        scenes=MAPS.shown_scenes,
        external=RUN.external("report_map", MAPS.scene_patterns),
    shell:
        "{params.external}python -m workflow_lib.stages.report_map"
        " {params.options}"
        " --area {wildcards.area:q}"
        " --description {input.description:q}"
        " --probability {input.probability:q}"
        " --classes-map {input.classes:q}"
        " --drift {input.drift:q}"
        " --detections {input.detections:q}"
        " --scores {input.scores:q}"
        " --scenes {params.scenes:q}"
        " --output {output:q}"
        " 2> {log:q}"
