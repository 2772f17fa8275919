"""Fit predictors to kernels and networks measured here or on a device that cannot be reached from here.

input:  <results>/detect_kernels/**, <results>/export_network/**
output: <results>/export_kernels/{device}/, <results>/build_predictor/{device}/
"""

from workflow_lib.workflow.device_jobs import DeviceJobs

DEVICES = DeviceJobs(RUN, CANDIDATES)

# The kernels and the deployed file of every network.
MEASURABLE = {
    "kernels": DEVICES.every_network(
        "detect_kernels/{channels}/{architecture}/plain.parquet"
    ),
    "networks": DEVICES.every_network(
        "export_network/{channels}/{architecture}/deployed.onnx"
    ),
}


rule export_kernels:
    """Write the networks to be measured on a device that this workflow cannot reach, with a manifest."""
    input:
        **MEASURABLE,
    output:
        directory("<results>/export_kernels/{device}"),
    log:
        "<logs>/export_kernels/{device}.log",
    conda:
        "../../envs/latency.yaml"
    resources:
        **RUN.stage_resources("export_kernels"),
    params:
        options=DEVICES.options(
            "export_kernels", "kind", "sample_kernels", "sample_networks", seed=True
        ),
    shell:
        "printf '%s\\n' {input:q} | python -m workflow_lib.stages.export_kernels"
        " {params.options}"
        " --output {output:q}"
        " 2> {log:q}"


rule build_predictor:
    """Build a predictor from measurements of kernels and networks, made here while no other job runs, or elsewhere."""
    input:
        **MEASURABLE,
    output:
        package=directory("<results>/build_predictor/{device}"),
        measured="<results>/build_predictor/{device}.measured.csv",
        validation="<results>/build_predictor/{device}.validation.parquet",
    log:
        "<logs>/build_predictor/{device}.log",
    conda:
        "../../envs/latency.yaml"
    threads: RUN.all_cores
    resources:
        **RUN.stage_resources("build_predictor"),
        **RUN.exclusive_resources(),
    params:
        options=DEVICES.options("build_predictor", seed=True),
        external=RUN.external(
            "build_predictor", DEVICES.setting_as_file("measurements")
        ),
    shell:
        "{params.external}printf '%s\\n' {input.kernels:q} {input.networks:q} | python -m workflow_lib.stages.build_predictor"
        " {params.options}"
        " --device {wildcards.device}"
        " --output {output.package:q}"
        " --measured {output.measured:q}"
        " --validation {output.validation:q}"
        " 2> {log:q}"
