"""Measure networks on devices that are reached from here, by ssh, adb or a command.

input:  <results>/export_network/**, <results>/convert_network/**, <results>/export_litert/**, <results>/quantize_litert/**
        for devices of kind remote, <results>/export_kernels/{device}/{precision}/ for others
output: <results>/measure_remote/{device}.parquet; measurements are kept in <results>/measure_remote/{device}/
"""

from workflow_lib.workflow.device_jobs import DeviceJobs

DEVICES = DeviceJobs(RUN, CANDIDATES)


rule measure_remote:
    """Measure networks on one device that is reached from here: all of them, or the sample of a predictor."""
    input:
        DEVICES.sent_files,
    output:
        "<results>/measure_remote/{device}.parquet",
    log:
        "<logs>/measure_remote/{device}.log",
    conda:
        "../../envs/latency.yaml"
    resources:
        **RUN.stage_resources("measure_remote"),
    params:
        options=DEVICES.remote_options,
        external=RUN.external("measure_remote", DEVICES.command_files),
    shell:
        "{params.external}printf '%s\\n' {input:q} | python -m workflow_lib.stages.measure_remote"
        " {params.options}"
        " --output {output:q}"
        " 2> {log:q}"
