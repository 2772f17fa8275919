"""Export every network as ONNX files, in each precision.

input:  none; the files depend only on architecture, channels, classes, chip size and the files of trained models
output: <results>/export_network/{channels}/{architecture}/*, <results>/convert_network/{channels}/{architecture}/*
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
            *RUN.network_flags,
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


rule convert_network:
    """Write one network in another precision and count its costs."""
    input:
        paper="<results>/export_network/{channels}/{architecture}/paper.onnx",
        detection="<results>/export_network/{channels}/{architecture}/detection.onnx",
    output:
        converted="<results>/convert_network/{channels}/{architecture}/{precision}.onnx",
        table="<results>/convert_network/{channels}/{architecture}/{precision}.parquet",
    log:
        "<logs>/convert_network/{channels}/{architecture}/{precision}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **RUN.stage_resources("convert_network"),
    params:
        options=RUN.options(
            "convert_network",
            *RUN.network_flags,
            "--costs",
            *all_costs(),
        ),
        inputs=RUN.inputs_flag,
    shell:
        "python -m workflow_lib.stages.convert_network"
        " {params.options}"
        " {params.inputs:q}"
        " --channels {wildcards.channels}"
        " --architecture {wildcards.architecture}"
        " --precision {wildcards.precision}"
        " --paper {input.paper:q}"
        " --detection {input.detection:q}"
        " --converted {output.converted:q}"
        " --output {output.table:q}"
        " 2> {log:q}"
