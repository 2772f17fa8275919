"""The chosen model, ready to be copied to a device.

input:  <results>/import_chips/*, <results>/build_front/ranked.parquet
output: <results>/deploy_model/{candidate}/*, where candidate may be `recommended`
"""


rule deploy_model:
    """Retrain a candidate on all its data and write everything that a device needs."""
    input:
        **HOLDOUT,
        array="<results>/import_chips/chips.npy",
        moments="<results>/import_chips/moments.npy",
        chips="<results>/import_chips/chips.parquet",
        ranked="<results>/build_front/ranked.parquet",
    output:
        model="<results>/deploy_model/{candidate}/model.onnx",
        bundle="<results>/deploy_model/{candidate}/bundle.json",
        card="<results>/deploy_model/{candidate}/model_card.md",
    log:
        "<logs>/deploy_model/{candidate}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **training(),
    params:
        options=options(
            "deploy_model",
            *DATASET,
            *flags(CONFIG.training),
            *flags(CONFIG.grid, "channel_sets"),
            *flags(CONFIG, "seed"),
        ),
        optional=optional("holdout"),
    shell:
        "python -m workflow_lib.stages.deploy_model"
        " {params.options}"
        " {params.optional:q}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --ranked {input.ranked:q}"
        " --candidate {wildcards.candidate}"
        " --model {output.model:q}"
        " --bundle {output.bundle:q}"
        " --card {output.card:q}"
        " 2> {log:q}"
