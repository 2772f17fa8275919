"""Draw the figures and write the report.

input:  the tables of all stages
output: <results>/plot_figure/*, <results>/plot_interactive/front_3d.html, <results>/build_report/*
"""

from workflow_lib.workflow.report_jobs import ReportJobs

REPORT = ReportJobs(RUN)


rule plot_figure:
    """Draw one figure as PNG, and as PDF where the config wants it."""
    input:
        REPORT.figure_inputs,
    output:
        **REPORT.pdf_output,
        figure=report(
            "<results>/plot_figure/{figure}.png",
            category="Figures",
            labels={"run": RUN.name, "figure": "{figure}"},
        ),
    log:
        "<logs>/plot_figure/{figure}.log",
    conda:
        "../envs/report.yaml"
    resources:
        **RUN.stage_resources("plot_figure"),
    params:
        options=REPORT.figure_options,
    shell:
        "python -m workflow_lib.stages.plot_figure"
        " {params.options}"
        " --output {output:q}"
        " 2> {log:q}"


rule plot_interactive:
    """Plot the front as an interactive page that can be rotated and zoomed."""
    input:
        "<results>/build_front/ranked.parquet",
    output:
        "<results>/plot_interactive/front_3d.html",
    log:
        "<logs>/plot_interactive.log",
    conda:
        "../envs/report.yaml"
    resources:
        **RUN.stage_resources("plot_interactive"),
    params:
        options=RUN.options("plot_interactive", *flags(CONFIG.front, "objectives")),
    shell:
        "python -m workflow_lib.stages.plot_interactive"
        " {params.options}"
        " --ranked {input:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule build_report:
    """Write the HTML report and its accompanying tables."""
    input:
        tables=REPORT.tables,
        figures=REPORT.figure_files,
        interactive="<results>/plot_interactive/front_3d.html",
    output:
        page=report(
            "<results>/build_report/report.html",
            category="Report",
            htmlindex="report.html",
        ),
        provenance=report(
            "<results>/build_report/provenance.csv",
            category="Provenance",
            labels={"run": RUN.name},
        ),
        counts="<results>/build_report/region_counts.csv",
        ranges="<results>/build_report/ranges.csv",
        baselines="<results>/build_report/baselines.csv",
    log:
        "<logs>/build_report.log",
    conda:
        "../envs/report.yaml"
    resources:
        **RUN.stage_resources("build_report"),
    params:
        options=REPORT.report_options(),
    shell:
        "python -m workflow_lib.stages.build_report"
        " {params.options}"
        " --figure {input.figures:q}"
        " --interactive {input.interactive:q}"
        " --page {output.page:q}"
        " --provenance {output.provenance:q}"
        " --region-counts {output.counts:q}"
        " --ranges {output.ranges:q}"
        " --baselines {output.baselines:q}"
        " 2> {log:q}"
