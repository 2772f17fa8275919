"""Predict every network's latency on every device.

input:  results/{run}/export_network/{channels}/{architecture}/detection.onnx
output: results/{run}/predict_latency/{channels}/{architecture}/{device}.parquet
"""


rule detect_kernels:
    """Split a network into the fused kernels that devices run, with nn-Meter."""
    input:
        "results/{run}/export_network/{channels}/{architecture}/detection.onnx",
    output:
        "results/{run}/detect_kernels/{channels}/{architecture}.parquet",
    log:
        "results/{run}/logs/detect_kernels/{channels}/{architecture}.log",
    conda:
        "../envs/latency.yaml"
    params:
        options=options("detect_kernels"),
    shell:
        "python -m workflow_lib.stages.detect_kernels"
        " {params.options:q}"
        " --network {input:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule calibrate_predictor:
    """Fit the analytic latency model of one device to nn-Meter's published predictions."""
    output:
        "results/{run}/calibrate_predictor/{device}.json",
    log:
        "results/{run}/logs/calibrate_predictor/{device}.log",
    conda:
        "../envs/latency.yaml"
    params:
        options=options("calibrate_predictor"),
    shell:
        "python -m workflow_lib.stages.calibrate_predictor"
        " {params.options:q}"
        " --device {wildcards.device}"
        " --output {output:q}"
        " 2> {log:q}"


PREDICTORS = {"calibrated": "results/{run}/calibrate_predictor/{device}.json"}


rule predict_latency:
    """Predict the latency of one network on one device."""
    input:
        kernels="results/{run}/detect_kernels/{channels}/{architecture}.parquet",
        predictor=lambda wildcards: PREDICTORS[CONFIG.devices[wildcards.device].kind],
    output:
        "results/{run}/predict_latency/{channels}/{architecture}/{device}.parquet",
    log:
        "results/{run}/logs/predict_latency/{channels}/{architecture}/{device}.log",
    conda:
        "../envs/latency.yaml"
    params:
        options=lambda wildcards: options(
            "predict_latency", *flags(CONFIG.devices[wildcards.device])
        ),
    shell:
        "python -m workflow_lib.stages.predict_latency"
        " {params.options:q}"
        " --kernels {input.kernels:q}"
        " --predictor {input.predictor:q}"
        " --channels {wildcards.channels}"
        " --architecture {wildcards.architecture}"
        " --device {wildcards.device}"
        " --output {output:q}"
        " 2> {log:q}"
