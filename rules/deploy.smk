"""The chosen model, ready to be copied to a device.

input:  results/{run}/import_chips/*, results/{run}/build_front/ranked.parquet
output: results/{run}/deploy_model/{candidate}/*, where candidate may be `recommended`
"""


rule deploy_model:
    """Retrain a candidate on all its data and write everything that a device needs."""
    input:
        **(
            {"holdout": "results/{run}/score_holdout/scores.parquet"}
            if HAS_HOLDOUT
            else {}
        ),
        array="results/{run}/import_chips/chips.npy",
        moments="results/{run}/import_chips/moments.npy",
        chips="results/{run}/import_chips/chips.parquet",
        ranked="results/{run}/build_front/ranked.parquet",
    output:
        model="results/{run}/deploy_model/{candidate}/model.onnx",
        bundle="results/{run}/deploy_model/{candidate}/bundle.json",
        card="results/{run}/deploy_model/{candidate}/model_card.md",
    log:
        "results/{run}/logs/deploy_model/{candidate}.log",
    conda:
        "../envs/training.yaml"
    resources:
        **needs.training(CONFIG, count_chips),
    params:
        options=options(
            "deploy_model",
            *DATASET,
            *flags(CONFIG.training),
            *flags(CONFIG.grid, "channel_sets"),
            *flags(CONFIG, "seed"),
        ),
        holdout=lambda wildcards, input: (
            ["--holdout", input.holdout] if HAS_HOLDOUT else []
        ),
    shell:
        "python -m workflow_lib.stages.deploy_model"
        " {params.options:q}"
        " {params.holdout:q}"
        " --array {input.array:q}"
        " --moments {input.moments:q}"
        " --chips {input.chips:q}"
        " --ranked {input.ranked:q}"
        " --candidate {wildcards.candidate}"
        " --model {output.model:q}"
        " --bundle {output.bundle:q}"
        " --card {output.card:q}"
        " 2> {log:q}"
