"""Import nn-Meter predictor packages and check that they cover every kernel.

input:  the packages of the config, or nn-Meter's published ones; <results>/detect_kernels/**
output: <results>/import_package/{device}/, <results>/check_coverage/{device}.parquet
"""

from workflow_lib.workflow.device_jobs import DeviceJobs

DEVICES = DeviceJobs(RUN, CANDIDATES)


rule import_package:
    """Convert an nn-Meter predictor package into plain arrays; a published package is downloaded once and pinned."""
    output:
        directory("<results>/import_package/{device}"),
    log:
        "<logs>/import_package/{device}.log",
    conda:
        "../../envs/latency.yaml"
    resources:
        **RUN.stage_resources("import_package"),
    params:
        options=DEVICES.options("import_package", "package", "unit"),
        external=RUN.external("import_package", DEVICES.setting_as_file("package")),
    shell:
        "{params.external}python -m workflow_lib.stages.import_package"
        " {params.options}"
        " --device {wildcards.device}"
        " --published data/nn_meter/{wildcards.device}.zip"
        " --output {output:q}"
        " 2> {log:q}"


rule check_coverage:
    """Check once for all networks that a package has a forest for every kernel."""
    input:
        kernels=DEVICES.every_network(
            "detect_kernels/{channels}/{architecture}/{device}.parquet"
        ),
        predictor="<results>/import_package/{device}",
    output:
        "<results>/check_coverage/{device}.parquet",
    log:
        "<logs>/check_coverage/{device}.log",
    conda:
        "../../envs/latency.yaml"
    resources:
        **RUN.stage_resources("check_coverage"),
    params:
        options=DEVICES.options("check_coverage"),
    shell:
        "printf '%s\\n' {input.kernels:q} | python -m workflow_lib.stages.check_coverage"
        " {params.options}"
        " --device {wildcards.device}"
        " --predictor {input.predictor:q}"
        " --output {output:q}"
        " 2> {log:q}"
