"""Predict or measure every network's latency on every device.

input:  <results>/export_network/{channels}/{architecture}/*.onnx
output: <results>/{predict_latency,measure_latency}/{channels}/{architecture}/{device}.parquet
"""


rule import_package:
    """Bring an nn-Meter predictor package into plain arrays; a published one is downloaded once and pinned."""
    output:
        directory("<results>/import_package/{device}"),
    log:
        "<logs>/import_package/{device}.log",
    conda:
        "../envs/latency.yaml"
    resources:
        **fixed("import_package"),
    params:
        options=lambda wildcards: options(
            "import_package",
            *flags(CONFIG.devices[wildcards.device], "package", "unit"),
        ),
        external=external("import_package", package_files),
    shell:
        "{params.external}python -m workflow_lib.stages.import_package"
        " {params.options}"
        " --device {wildcards.device}"
        " --published data/nn_meter/{wildcards.device}.zip"
        " --output {output:q}"
        " 2> {log:q}"


rule detect_kernels:
    """Split a network into the fused kernels that a device runs, with nn-Meter; `plain` rules are TFLite's."""
    input:
        network="<results>/export_network/{channels}/{architecture}/detection.onnx",
        package=lambda wildcards: (
            [] if wildcards.rules == "plain" else "<results>/import_package/{rules}"
        ),
    output:
        "<results>/detect_kernels/{channels}/{architecture}/{rules}.parquet",
    log:
        "<logs>/detect_kernels/{channels}/{architecture}/{rules}.log",
    wildcard_constraints:
        architecture=networks.UNFOLDED_PATTERN,
    conda:
        "../envs/latency.yaml"
    resources:
        **fixed("detect_kernels"),
    params:
        options=options("detect_kernels"),
        rules=lambda wildcards, input: (
            ["--fusion-rules", f"{input.package}/fusion_rules.json"]
            if input.package
            else []
        ),
    shell:
        "python -m workflow_lib.stages.detect_kernels"
        " {params.options}"
        " {params.rules:q}"
        " --network {input.network:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule check_coverage:
    """Check that a package has a forest for every kernel of every network, once for all of them."""
    input:
        kernels=expand(
            "<results>/detect_kernels/{channels}/{architecture}/{{device}}.parquet",
            channels=CHANNEL_SETS,
            architecture=NETWORKS,
        ),
        predictor="<results>/import_package/{device}",
    output:
        "<results>/check_coverage/{device}.parquet",
    log:
        "<logs>/check_coverage/{device}.log",
    conda:
        "../envs/latency.yaml"
    resources:
        **fixed("check_coverage"),
    params:
        options=lambda wildcards: options(
            "check_coverage", *flags(CONFIG.devices[wildcards.device])
        ),
    shell:
        "printf '%s\\n' {input.kernels:q} | python -m workflow_lib.stages.check_coverage"
        " {params.options}"
        " --device {wildcards.device}"
        " --predictor {input.predictor:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule calibrate_predictor:
    """Fit the analytic latency model of one device to nn-Meter's published predictions."""
    output:
        "<results>/calibrate_predictor/{device}.json",
    log:
        "<logs>/calibrate_predictor/{device}.log",
    conda:
        "../envs/latency.yaml"
    resources:
        **fixed("calibrate_predictor"),
    params:
        options=options("calibrate_predictor"),
    shell:
        "python -m workflow_lib.stages.calibrate_predictor"
        " {params.options}"
        " --device {wildcards.device}"
        " --output {output:q}"
        " 2> {log:q}"


# Every network's kernels, and the file that is deployed: what a device of one's own is measured with.
MEASURABLE = {
    "kernels": expand(
        "<results>/detect_kernels/{channels}/{architecture}/plain.parquet",
        channels=CHANNEL_SETS,
        architecture=NETWORKS,
    ),
    "networks": expand(
        "<results>/export_network/{channels}/{architecture}/deployed.onnx",
        channels=CHANNEL_SETS,
        architecture=NETWORKS,
    ),
}


rule export_kernels:
    """Write the networks to measure on a device that this workflow cannot reach, with a manifest."""
    input:
        **MEASURABLE,
    output:
        directory("<results>/export_kernels/{device}"),
    log:
        "<logs>/export_kernels/{device}.log",
    conda:
        "../envs/latency.yaml"
    resources:
        **fixed("export_kernels"),
    params:
        options=lambda wildcards: options(
            "export_kernels",
            *flags(
                CONFIG.devices[wildcards.device],
                "kind",
                "sample_kernels",
                "sample_networks",
            ),
            *flags(CONFIG, "seed"),
        ),
    shell:
        "printf '%s\\n' {input:q} | python -m workflow_lib.stages.export_kernels"
        " {params.options}"
        " --output {output:q}"
        " 2> {log:q}"


rule build_predictor:
    """Build a predictor from kernels and networks that are measured here, with no other job at work, or elsewhere."""
    input:
        **MEASURABLE,
    output:
        package=directory("<results>/build_predictor/{device}"),
        measured="<results>/build_predictor/{device}.measured.csv",
        validation="<results>/build_predictor/{device}.validation.parquet",
    log:
        "<logs>/build_predictor/{device}.log",
    conda:
        "../envs/latency.yaml"
    threads: ALL_CORES
    resources:
        **fixed("build_predictor"),
        **ALONE,
    params:
        options=lambda wildcards: options(
            "build_predictor",
            *flags(CONFIG.devices[wildcards.device]),
            *flags(CONFIG, "seed"),
        ),
        external=external("build_predictor", measurements_file),
    shell:
        "{params.external}printf '%s\\n' {input.kernels:q} {input.networks:q} | python -m workflow_lib.stages.build_predictor"
        " {params.options}"
        " --device {wildcards.device}"
        " --output {output.package:q}"
        " --measured {output.measured:q}"
        " --validation {output.validation:q}"
        " 2> {log:q}"


rule measure_latency:
    """Measure the latency of one network here, with no other job at work."""
    input:
        "<results>/export_network/{channels}/{architecture}/deployed.onnx",
    output:
        "<results>/measure_latency/{channels}/{architecture}/{device}.parquet",
    log:
        "<logs>/measure_latency/{channels}/{architecture}/{device}.log",
    wildcard_constraints:
        architecture=networks.UNFOLDED_PATTERN,
    conda:
        "../envs/latency.yaml"
    threads: ALL_CORES
    resources:
        **fixed("measure_latency"),
        **ALONE,
    params:
        options=lambda wildcards: options(
            "measure_latency", *flags(CONFIG.devices[wildcards.device])
        ),
    shell:
        "python -m workflow_lib.stages.measure_latency"
        " {params.options}"
        " --network {input:q}"
        " --channels {wildcards.channels}"
        " --architecture {wildcards.architecture}"
        " --device {wildcards.device}"
        " --output {output:q}"
        " 2> {log:q}"


# What each kind of predictor needs.
PREDICTORS = {
    "calibrated": {
        "kernels": "<results>/detect_kernels/{channels}/{architecture}/plain.parquet",
        "predictor": "<results>/calibrate_predictor/{device}.json",
    },
    "package": {
        "kernels": "<results>/detect_kernels/{channels}/{architecture}/{device}.parquet",
        "predictor": "<results>/import_package/{device}",
        "coverage": "<results>/check_coverage/{device}.parquet",
    },
    "built": {
        "kernels": "<results>/detect_kernels/{channels}/{architecture}/plain.parquet",
        "predictor": "<results>/build_predictor/{device}",
    },
}


rule predict_latency:
    """Predict the latency of one network on one device."""
    input:
        unpack(lambda wildcards: PREDICTORS[CONFIG.devices[wildcards.device].kind]),
    output:
        "<results>/predict_latency/{channels}/{architecture}/{device}.parquet",
    log:
        "<logs>/predict_latency/{channels}/{architecture}/{device}.log",
    wildcard_constraints:
        architecture=networks.UNFOLDED_PATTERN,
    conda:
        "../envs/latency.yaml"
    resources:
        **fixed("predict_latency"),
    params:
        options=lambda wildcards: options(
            "predict_latency", *flags(CONFIG.devices[wildcards.device])
        ),
    shell:
        "python -m workflow_lib.stages.predict_latency"
        " {params.options}"
        " --kernels {input.kernels:q}"
        " --predictor {input.predictor:q}"
        " --channels {wildcards.channels}"
        " --architecture {wildcards.architecture}"
        " --device {wildcards.device}"
        " --output {output:q}"
        " 2> {log:q}"
