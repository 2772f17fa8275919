"""Export every network as LiteRT files, for devices that run LiteRT; needs `make litert`.

input:  none; the files depend only on architecture, channels, classes, chip size and the files of trained models
output: <results>/export_litert/{channels}/{architecture}/fp32.tflite,
        <results>/quantize_litert/{channels}/{architecture}/{precision}.tflite
"""


rule export_litert:
    """Write the LiteRT file of one untrained network in float32, to measure it."""
    output:
        "<results>/export_litert/{channels}/{architecture}/fp32.tflite",
    log:
        "<logs>/export_litert/{channels}/{architecture}.log",
    conda:
        "../envs/litert.yaml"
    resources:
        **RUN.stage_resources("export_litert"),
    params:
        **RUN.model_params,
        options=RUN.options(
            "export_litert",
            *RUN.network_flags,
        ),
        inputs=RUN.inputs_flag,
    shell:
        "python -m workflow_lib.stages.export_litert"
        " {params.options}"
        " {params.inputs:q}"
        " --architecture {wildcards.architecture}"
        " --output {output:q}"
        " 2> {log:q}"


rule quantize_litert:
    """Quantize the LiteRT file of one untrained network, to measure it."""
    input:
        "<results>/export_litert/{channels}/{architecture}/fp32.tflite",
    output:
        "<results>/quantize_litert/{channels}/{architecture}/{precision}.tflite",
    log:
        "<logs>/quantize_litert/{channels}/{architecture}/{precision}.log",
    conda:
        "../envs/litert.yaml"
    resources:
        **RUN.stage_resources("quantize_litert"),
    params:
        options=RUN.options("quantize_litert"),
    shell:
        "python -m workflow_lib.stages.quantize_litert"
        " {params.options}"
        " --precision {wildcards.precision}"
        " --model {input:q}"
        " --output {output:q}"
        " 2> {log:q}"
