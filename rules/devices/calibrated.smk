"""Fit analytic models to nn-Meter's published predictions.

input:  none
output: <results>/calibrate_predictor/{device}.json
"""


rule calibrate_predictor:
    """Fit the analytic latency model of one device to nn-Meter's published predictions."""
    output:
        "<results>/calibrate_predictor/{device}.json",
    log:
        "<logs>/calibrate_predictor/{device}.log",
    conda:
        "../../envs/latency.yaml"
    resources:
        **RUN.stage_resources("calibrate_predictor"),
    params:
        options=RUN.options("calibrate_predictor"),
    shell:
        "python -m workflow_lib.stages.calibrate_predictor"
        " {params.options}"
        " --device {wildcards.device}"
        " --output {output:q}"
        " 2> {log:q}"
