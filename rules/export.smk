"""Export every network as ONNX files.

input:  none; the files depend only on architecture, channels, classes, chip size and the files of trained models
output: <results>/export_network/{channels}/{architecture}/*
"""

from workflow_lib.costs import all_costs


rule export_network:
    """Write the ONNX files of one network and count its costs."""
    output:
        deployed="<results>/export_network/{channels}/{architecture}/deployed.onnx",
        paper="<results>/export_network/{channels}/{architecture}/paper.onnx",
        detection="<results>/export_network/{channels}/{architecture}/detection.onnx",
        table="<results>/export_network/{channels}/{architecture}/network.parquet",
    log:
        "<logs>/export_network/{channels}/{architecture}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **RUN.stage_resources("export_network"),
    params:
        **RUN.model_params,
        options=RUN.options(
            "export_network",
            f"--classes={len(CONFIG.data.classes)}",
            *flags(CONFIG.data, "chip_size_px"),
            "--costs",
            *all_costs(),
        ),
        inputs=RUN.inputs_flag,
    shell:
        "python -m workflow_lib.stages.export_network"
        " {params.options}"
        " {params.inputs:q}"
        " --channels {wildcards.channels}"
        " --architecture {wildcards.architecture}"
        " --deployed {output.deployed:q}"
        " --paper {output.paper:q}"
        " --detection {output.detection:q}"
        " --output {output.table:q}"
        " 2> {log:q}"
