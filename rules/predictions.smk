"""Use the kept predictions of all validation chips.

input:  <results>/gather_table/predictions.parquet, <results>/gather_table/forest_predictions.parquet,
        <results>/import_chips/chips.parquet, <results>/build_front/ranked.parquet
output: <results>/assess_predictions/*
"""


rule assess_predictions:
    """Compare, calibrate and combine the candidates chip by chip, and find doubtful labels."""
    input:
        chips="<results>/import_chips/chips.parquet",
        predictions="<results>/gather_table/predictions.parquet",
        forests="<results>/gather_table/forest_predictions.parquet",
        ranked="<results>/build_front/ranked.parquet",
    output:
        paired=multiext("<results>/assess_predictions/paired", ".parquet", ".csv"),
        calibration=multiext(
            "<results>/assess_predictions/calibration", ".parquet", ".csv"
        ),
        selection=multiext("<results>/assess_predictions/selection", ".parquet", ".csv"),
        assessed="<results>/assess_predictions/assessed.parquet",
        suspects=multiext("<results>/assess_predictions/suspects", ".parquet", ".csv"),
        combinations=multiext(
            "<results>/assess_predictions/combinations", ".parquet", ".csv"
        ),
    log:
        "<logs>/assess_predictions.log",
    conda:
        "../envs/report.yaml"
    resources:
        **RUN.stage_resources("assess_predictions"),
    params:
        options=RUN.options(
            "assess_predictions",
            *flags(CONFIG.folds),
            *flags(CONFIG, "seed"),
            "--classes",
            *CONFIG.data.classes,
        ),
    shell:
        "python -m workflow_lib.stages.assess_predictions"
        " {params.options}"
        " --chips {input.chips:q}"
        " --predictions {input.predictions:q}"
        " --forests {input.forests:q}"
        " --ranked {input.ranked:q}"
        " --paired {output.paired:q}"
        " --calibration {output.calibration:q}"
        " --selection {output.selection:q}"
        " --assessed {output.assessed:q}"
        " --suspects {output.suspects:q}"
        " --combinations {output.combinations:q}"
        " 2> {log:q}"
