"""Fit predictors to kernels and networks measured here, on a remote device, or elsewhere.

input:  <results>/detect_kernels/**, <results>/export_network/** or <results>/export_litert/**, and converted files
output: <results>/export_kernels/{device}/{precision}/, <results>/build_predictor/{device}/{precision}/
"""

from workflow_lib.workflow.device_jobs import DeviceJobs

DEVICES = DeviceJobs(RUN, CANDIDATES)


rule export_kernels:
    """Write kernels and networks to be measured on another device, with a manifest."""
    input:
        unpack(DEVICES.sample_files),
    output:
        directory("<results>/export_kernels/{device}/{precision}"),
    log:
        "<logs>/export_kernels/{device}/{precision}.log",
    conda:
        "../../envs/litert.yaml"
    resources:
        **RUN.stage_resources("export_kernels"),
    params:
        options=DEVICES.options(
            "export_kernels",
            "kind",
            "runtime",
            "sample_kernels",
            "sample_networks",
            seed=True,
        ),
    shell:
        "printf '%s\\n' {input:q} | python -m workflow_lib.stages.export_kernels"
        " {params.options}"
        " --precision {wildcards.precision}"
        " --output {output:q}"
        " 2> {log:q}"


rule build_predictor:
    """Build a predictor from measurements of kernels and networks, made here while no other job runs, or on another device."""
    input:
        unpack(DEVICES.sample_files),
        unpack(DEVICES.answers),
    output:
        package=directory("<results>/build_predictor/{device}/{precision}"),
        measured="<results>/build_predictor/{device}/{precision}.measured.csv",
        validation="<results>/build_predictor/{device}/{precision}.validation.parquet",
    log:
        "<logs>/build_predictor/{device}/{precision}.log",
    conda:
        "../../envs/litert.yaml"
    threads: RUN.all_cores
    resources:
        **RUN.stage_resources("build_predictor"),
        **RUN.exclusive_resources(),
    params:
        options=DEVICES.options("build_predictor", seed=True),
        answers=RUN.optional_flags("exported", "answers"),
        external=RUN.external("build_predictor", DEVICES.measurements),
    shell:
        "{params.external}printf '%s\\n' {input.kernels:q} {input.networks:q} | python -m workflow_lib.stages.build_predictor"
        " {params.options}"
        " {params.answers:q}"
        " --device {wildcards.device}"
        " --precision {wildcards.precision}"
        " --output {output.package:q}"
        " --measured {output.measured:q}"
        " --validation {output.validation:q}"
        " 2> {log:q}"
