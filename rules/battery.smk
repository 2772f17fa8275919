"""Simulate the battery of a field device, and pack the networks that it switches between.

input:  <results>/build_candidates/candidates.parquet; after a supernet search, also its last supernet
output: <results>/simulate_battery/{channels}.*, <results>/pack_networks/{channels}.*
"""

from workflow_lib.workflow.search_jobs import SearchJobs

SEARCHES = SearchJobs(RUN)


rule simulate_battery:
    """Choose the networks of one channel set that a device switches between, and simulate its battery."""
    input:
        **(
            {"ranking": f"{SEARCHES.last_supernet}.parquet"}
            if CONFIG.search.strategy == "supernet"
            else {}
        ),
        candidates="<results>/build_candidates/candidates.parquet",
    output:
        multiext("<results>/simulate_battery/{channels}", ".parquet", ".csv"),
    log:
        "<logs>/simulate_battery/{channels}.log",
    conda:
        "../envs/search.yaml"
    resources:
        **RUN.stage_resources("simulate_battery"),
    params:
        options=RUN.options("simulate_battery", *flags(CONFIG.battery)),
        optional=RUN.optional_flags("ranking"),
    shell:
        "python -m workflow_lib.stages.simulate_battery"
        " {params.options}"
        " {params.optional:q}"
        " --channels {wildcards.channels}"
        " --candidates {input.candidates:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule pack_networks:
    """Pack the networks that a device switches between into one file."""
    input:
        **RUN.dataset_files,
        battery="<results>/simulate_battery/{channels}.parquet",
        supernet=f"{SEARCHES.last_supernet}.pt",
    output:
        packed="<results>/pack_networks/{channels}.pt",
        table="<results>/pack_networks/{channels}.parquet",
    log:
        "<logs>/pack_networks/{channels}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **RUN.training(),
    params:
        options=RUN.options("pack_networks", *SEARCHES.supernet_flags),
        select=RUN.select,
    shell:
        "python -m workflow_lib.stages.pack_networks"
        " {params.options}"
        " {params.select:q}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --folds {input.folds:q}"
        " --channels {wildcards.channels}"
        " --number 0"
        " --battery {input.battery:q}"
        " --supernet {input.supernet:q}"
        " --output {output.packed:q}"
        " --table {output.table:q}"
        " 2> {log:q}"
