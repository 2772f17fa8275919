"""Measure the share of this machine's peak that each network's inference reaches, if configured.

input:  none; utilization depends only on architecture, channels, classes, chip size and machine
output: <results>/measure_utilization/{channels}/{architecture}.parquet, ....layers.parquet
"""


rule measure_utilization:
    """Measure one network's throughput at the largest batch that fits, while no other job runs."""
    output:
        layers="<results>/measure_utilization/{channels}/{architecture}.layers.parquet",
        table="<results>/measure_utilization/{channels}/{architecture}.parquet",
    log:
        "<logs>/measure_utilization/{channels}/{architecture}.log",
    conda:
        "../envs/training.yaml"
    threads: RUN.all_cores
    resources:
        **RUN.stage_resources("measure_utilization"),
        **RUN.exclusive_resources(),
        **({"gpu": 1} if CONFIG.training.device == "cuda" else {}),
    params:
        **RUN.model_params,
        options=RUN.options(
            "measure_utilization",
            *flags(CONFIG.utilization, "memory_limit_mb"),
            *flags(CONFIG.training, "device", "precision"),
            *RUN.network_flags,
        ),
        inputs=RUN.inputs_flag,
    shell:
        "python -m workflow_lib.stages.measure_utilization"
        " {params.options}"
        " {params.inputs:q}"
        " --channels {wildcards.channels}"
        " --architecture {wildcards.architecture}"
        " --layers {output.layers:q}"
        " --output {output.table:q}"
        " 2> {log:q}"
