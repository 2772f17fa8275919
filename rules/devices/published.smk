"""Read latencies that others measured and published.

input:  the table that the configuration names, <results>/gather_table/networks.parquet
output: <results>/import_latencies/{device}.parquet
"""

from workflow_lib.export.network_tables import NETWORKS_RESULT
from workflow_lib.workflow.device_jobs import DeviceJobs

DEVICES = DeviceJobs(RUN, CANDIDATES)


rule import_latencies:
    """Read published latencies, and check that there is one for every network."""
    input:
        networks=RUN.files_of(NETWORKS_RESULT),
    output:
        "<results>/import_latencies/{device}.parquet",
    log:
        "<logs>/import_latencies/{device}.log",
    conda:
        "../../envs/latency.yaml"
    resources:
        **RUN.stage_resources("import_latencies"),
    params:
        options=DEVICES.options("import_latencies", "table"),
        external=RUN.external("import_latencies", DEVICES.setting_as_file("table")),
    shell:
        "{params.external}python -m workflow_lib.stages.import_latencies"
        " {params.options}"
        " --networks {input.networks:q}"
        " --output {output:q}"
        " 2> {log:q}"
