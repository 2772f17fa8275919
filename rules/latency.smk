"""Split networks into kernels and predict the latency of every network on every device.

input:  <results>/export_network/{channels}/{architecture}/*.onnx
output: <results>/detect_kernels/{channels}/{architecture}/{rules}.parquet,
        <results>/predict_latency/{channels}/{architecture}/{precision}/{device}.parquet
"""

from workflow_lib.spaces import networks
from workflow_lib.workflow.device_jobs import DeviceJobs

DEVICES = DeviceJobs(RUN, CANDIDATES)


rule detect_kernels:
    """Split a network into the fused kernels that a device runs, using nn-Meter; `plain` rules are those of TFLite."""
    input:
        network="<results>/export_network/{channels}/{architecture}/detection.onnx",
        package=lambda wildcards: (
            [] if wildcards.rules == "plain" else "<results>/import_package/{rules}"
        ),
    output:
        "<results>/detect_kernels/{channels}/{architecture}/{rules}.parquet",
    log:
        "<logs>/detect_kernels/{channels}/{architecture}/{rules}.log",
    wildcard_constraints:
        architecture=networks.pattern(),
    conda:
        "../envs/latency.yaml"
    resources:
        **RUN.stage_resources("detect_kernels"),
    params:
        options=RUN.options("detect_kernels"),
        rules=lambda wildcards, input: (
            ["--fusion-rules", f"{input.package}/fusion_rules.json"]
            if input.package
            else []
        ),
    shell:
        "python -m workflow_lib.stages.detect_kernels"
        " {params.options}"
        " {params.rules:q}"
        " --network {input.network:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule predict_latency:
    """Predict the latency of one network on one device."""
    input:
        unpack(DEVICES.inputs),
    output:
        "<results>/predict_latency/{channels}/{architecture}/{precision}/{device}.parquet",
    log:
        "<logs>/predict_latency/{channels}/{architecture}/{precision}/{device}.log",
    wildcard_constraints:
        architecture=networks.pattern(),
    conda:
        "../envs/latency.yaml"
    resources:
        **RUN.stage_resources("predict_latency"),
    params:
        options=DEVICES.latency_options("predict_latency"),
        inputs=DEVICES.input_flags,
    shell:
        "python -m workflow_lib.stages.predict_latency"
        " {params.options}"
        " {params.inputs:q}"
        " --channels {wildcards.channels}"
        " --architecture {wildcards.architecture}"
        " --precision {wildcards.precision}"
        " --device {wildcards.device}"
        " --output {output:q}"
        " 2> {log:q}"
