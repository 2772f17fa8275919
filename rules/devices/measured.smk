"""Measure networks on the machine where their jobs run.

input:  <results>/export_network/{channels}/{architecture}/deployed.onnx,
        <results>/convert_network/{channels}/{architecture}/{precision}.onnx
output: <results>/measure_latency/{channels}/{architecture}/{precision}/{device}.parquet
"""

from workflow_lib.spaces import networks
from workflow_lib.workflow.device_jobs import DeviceJobs

DEVICES = DeviceJobs(RUN, CANDIDATES)


rule measure_latency:
    """Measure the latency of one network on this machine while no other job runs."""
    input:
        unpack(DEVICES.inputs),
    output:
        "<results>/measure_latency/{channels}/{architecture}/{precision}/{device}.parquet",
    log:
        "<logs>/measure_latency/{channels}/{architecture}/{precision}/{device}.log",
    wildcard_constraints:
        architecture=networks.pattern(),
    conda:
        "../../envs/latency.yaml"
    threads: RUN.all_cores
    resources:
        **RUN.stage_resources("measure_latency"),
        **RUN.exclusive_resources(),
    params:
        options=DEVICES.latency_options("measure_latency"),
        inputs=DEVICES.input_flags,
    shell:
        "python -m workflow_lib.stages.measure_latency"
        " {params.options}"
        " {params.inputs:q}"
        " --channels {wildcards.channels}"
        " --architecture {wildcards.architecture}"
        " --precision {wildcards.precision}"
        " --device {wildcards.device}"
        " --output {output:q}"
        " 2> {log:q}"
