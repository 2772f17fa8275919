"""Correct the predictions of one device by a few networks measured on another.

input:  <results>/predict_latency/{channels}/{architecture}/fp32/{base}.parquet, <results>/detect_kernels/**,
        files of the measured networks, <results>/measure_remote/{device}.parquet
output: <results>/transfer_predictor/{device}.json
"""

from workflow_lib.workflow.device_jobs import DeviceJobs

DEVICES = DeviceJobs(RUN, CANDIDATES)


rule transfer_predictor:
    """Correct the predictions of another device by networks measured here while no other job runs, or elsewhere."""
    input:
        unpack(DEVICES.transfer_files),
    output:
        correction="<results>/transfer_predictor/{device}.json",
        validation="<results>/transfer_predictor/{device}.validation.parquet",
        sizes="<results>/transfer_predictor/{device}.sizes.parquet",
    log:
        "<logs>/transfer_predictor/{device}.log",
    conda:
        "../../envs/latency.yaml"
    threads: RUN.all_cores
    resources:
        **RUN.stage_resources("transfer_predictor"),
        **RUN.exclusive_resources(),
    params:
        options=DEVICES.options("transfer_predictor", seed=True),
        answers=RUN.optional_flags("answers"),
        external=RUN.external("transfer_predictor", DEVICES.measurements),
    shell:
        "{params.external}printf '%s\\n' {input.kernels:q} {input.networks:q} {input.base:q} | python -m workflow_lib.stages.transfer_predictor"
        " {params.options}"
        " {params.answers:q}"
        " --device {wildcards.device}"
        " --output {output.correction:q}"
        " --validation {output.validation:q}"
        " --sizes {output.sizes:q}"
        " 2> {log:q}"
