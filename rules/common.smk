"""The validated configuration and what rules take from it; no rules."""

import json
import logging
import os
import shlex
import sys
from functools import cache, partial
from itertools import product
from pathlib import Path

from workflow_lib.core.arguments import flags
from workflow_lib.core.config import Config, PredictorConfig, parse_config
from workflow_lib.core.search_config import VARIANTS, CellSearchConfig
from workflow_lib.core import resources
from workflow_lib.core.config_files import strict_config
from workflow_lib.core.contracts import CONTRACTS
from workflow_lib.core.errors import UserError
from workflow_lib.core.external_files import named_files
from workflow_lib.core.files import hold
from workflow_lib.core.plan import PLAN, PlanLog
from workflow_lib.core.progress import ProgressLog
from workflow_lib.core.sealed import RESULTS_VARIABLE, DamagedFileError, set_aside
from workflow_lib.core.section import NAME
from workflow_lib.core.spaces import networks
from workflow_lib.workflow.graph import notice_all_changes

try:
    if "{" in str(workflow.basedir):
        raise UserError(
            "Snakemake cannot run a workflow in a folder with braces in its name",
            workflow.basedir,
            "rename the folder",
        )
    CONFIG = parse_config(
        strict_config(config, workflow.configfiles, workflow.config_settings.config)
    )
except UserError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(2)

RUN = CONFIG.run
CHANNEL_SETS = CONFIG.grid.channel_sets
FOLDS = range(CONFIG.folds.count)
# Where chips are cut from scenes, or scenes are generated.
LANDSCAPE = CONFIG.data.clip.landscape if CONFIG.data.clip else None
SAMPLED = list(CONFIG.data.regions) if CONFIG.data.clip else []
AREAS = list(CONFIG.map.areas) if CONFIG.map else []
MAP_FIGURES = ["area_maps"] + (
    ["map_scores"]
    if LANDSCAPE
    or any(area.truth for area in (CONFIG.map.areas.values() if CONFIG.map else []))
    else []
)
CHIPS_MADE = (
    f"results/{RUN}/generate_chips/chips"
    if CONFIG.data.generate
    else f"results/{RUN}/gather_chips/chips" if SAMPLED else None
)
# Jobs that measure time share the machine with no other, under Slurm too.
ALL_CORES = workflow.resource_settings.cores or 1
ALONE = {"slurm_extra": "--exclusive"}

# What every stage that reads chips must know of them.
DATASET = [
    "--bands",
    *CONFIG.data.bands,
    "--classes",
    *CONFIG.data.classes,
    f"--normalisation={CONFIG.data.normalisation}",
]


# Values that are nodata, whatever files say.
NODATA = ["--nodata", *map(str, CONFIG.data.nodata)] if CONFIG.data.nodata else []


pathvars:
    results=f"results/{RUN}",
    logs=f"results/{RUN}/logs",
    benchmarks=f"results/{RUN}/benchmarks",


# The imported chips, and who is in which fold.
FOLDED_CHIPS = {
    "array": "<results>/import_chips/chips.npy",
    "moments": "<results>/import_chips/moments.npy",
    "chips": "<results>/import_chips/chips.parquet",
    "folds": "<results>/assign_folds/folds.parquet",
}


wildcard_constraints:
    region=NAME,
    area=NAME,
    tile=r"\d+",
    channels=NAME,
    batch=r"\d+",
    architecture=networks.PATTERN,
    fold=r"\d+",
    device=NAME,
    table=r"\w+",
    first="fair|uniform",
    variant="|".join(VARIANTS),
    number=r"\d+",
    round=r"\d+",
    ranking=r"\d+",
    quantity=NAME,
    skeleton="searched|trained",
    target="bound|budget",
    repeat=r"\d+",
    rules=NAME,
    candidate=rf"{NAME}_b\d+_{networks.PATTERN}|recommended",


# A scheduler would take longer to start these than they run; rules that only ask for others are local anyway.
localrules:
    calibrate_predictor,
    import_package,
    check_coverage,
    gather_table,
    race_folds,
    gather_chips,
    propose_candidates,
    prune_supernet,
    compare_supernets,
    simulate_battery,
    build_lookup_graph,
    derive_network,
    assign_folds,
    build_candidates,
    build_report,


@cache
def count_chips():
    """How many chips there are, for memory and time of jobs: those of each region's first folder."""
    if CONFIG.data.generate:
        return sum(
            sum(counts.values()) for counts in CONFIG.data.generate.chips.values()
        )
    if SAMPLED and not os.path.isdir(CHIPS_MADE):
        # A point takes so many bytes or more in any format, and another one may be drawn beside it.
        sizes = [
            os.path.getsize(file)
            for file in CONFIG.data.clip.points.values()
            if os.path.exists(file)
        ]
        return max(1000, 2 * sum(sizes) // 30)
    folders = [
        Path(CHIPS_MADE or CONFIG.data.root, parts[0].folder, label)
        for parts in CONFIG.data.regions.values()
        for label in CONFIG.data.classes
    ]
    return sum(len(os.listdir(folder)) for folder in folders if folder.is_dir())


onstart:
    # Here, because it takes a tenth of a second that a dry run need not wait.
    from workflow_lib.core.cores import available_cores

    # Snakemake's own lock outlives a killed Snakemake, so the profiles turn it off.
    run_lock = Path("results", RUN, ".lock")
    try:
        if not hold(run_lock):
            raise UserError(
                f"{run_lock.read_text()} works on this run",
                run_lock,
                "wait for its end, or stop it",
            )
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    if not workflow.resource_settings.nodes and ALL_CORES > available_cores():
        print(
            f"warning: --cores {ALL_CORES}, and {available_cores()} are free to use here:"
            " trainings will take them from each other",
            file=sys.stderr,
        )


logging.getLogger("snakemake.logging").addHandler(ProgressLog())


if PLAN in os.environ:
    logging.getLogger("snakemake.logging").addHandler(
        PlanLog(workflow, CONFIG, count_chips(), list(CONTRACTS))
    )


def warm_stages(folder):
    """Bash that has `python -m workflow_lib.stages.*` run by the worker of this Snakemake, and all else as it is."""
    # No braces: Snakemake formats what stands before a command.
    client = shlex.quote(f"{folder}/workflow_lib/worker/client.py")
    return (
        f"export EDGEFRONT_WORKER={os.getpid()};"
        ' python() if [[ "$*" == "-m workflow_lib.stages."* ]];'
        f' then command python -I -S {client} "$@"; else command python "$@"; fi; '
    )


# Jobs find the library wherever Snakemake was started, and without conda also its interpreter.
python_folder = (
    ""
    if workflow.deployment_settings.deployment_method
    else f"{Path(sys.executable).parent}:"
)


shell.prefix(
    "set -euo pipefail;"
    f" export PATH={shlex.quote(python_folder)}$PATH PYTHONPATH={shlex.quote(str(workflow.basedir))}"
    f" {' '.join(f'{name}={value}' for name, value in resources.JOB_ENVIRONMENT.items())}"
    f" EDGEFRONT_JOBS_PER_GPU={CONFIG.execution.jobs_per_gpu}"
    f" {RESULTS_VARIABLE}=results/{RUN}; "
    + (warm_stages(str(workflow.basedir)) if CONFIG.execution.warm_worker else "")
)


def options(stage, *values):
    """The flags of a stage that come from the config, and its contract: one self-describing parameter, quoted.

    One string, because Snakemake goes over each string of a list once per job.
    """
    text = shlex.join([f"--contract={CONTRACTS[stage]}", *values])
    # In strings, but not in what functions return, Snakemake takes braces for wildcards.
    return (lambda wildcards: text) if "{" in text else text


# Memory and time are asked for by schedulers, and by those who limit them here; for all others they would be worked
# out in vain, once per job.
ASKED = workflow.resource_settings.nodes or {"_cores", "_nodes"} != set(
    workflow.resource_settings.resources
)


def optional(*names):
    """The flags of inputs that a job may lack."""
    return lambda wildcards, input: [
        f"--{name.replace('_', '-')}={input[name]}"
        for name in names
        if name in input.keys()
    ]


def lists(*names):
    """The flags of lists of inputs that a job may lack."""
    return lambda wildcards, input: [
        part
        for name in names
        for files in [input.get(name, [])]
        if files
        for part in (f"--{name}", *([files] if isinstance(files, str) else files))
    ]


# Tables that a run may have.
SAMPLES = (
    {"samples": expand("<results>/sample_points/{region}.parquet", region=SAMPLED)}
    if SAMPLED
    else {}
)
PRECISIONS = (
    {"precisions_table": "<results>/measure_precisions/precisions.parquet"}
    if CONFIG.precisions
    else {}
)
MAP = {"map_scores": "<results>/score_map/scores.parquet"} if AREAS else {}
HOLDOUT = (
    {"holdout": "<results>/score_holdout/scores.parquet"}
    if CONFIG.folds.holdout.method != "none"
    else {}
)
UTILIZATIONS = (
    {"utilizations": "<results>/gather_table/utilizations.parquet"}
    if CONFIG.utilization
    else {}
)
PROPOSALS = (
    {
        "proposals": f"<results>/propose_candidates/{CONFIG.search.rounds - 1}.parquet",
    }
    if CONFIG.search.strategy != "grid"
    else {}
)


def fixed(stage):
    """Resources of a stage whose jobs are much alike."""
    return resources.fixed(stage) if ASKED else {}


def reading():
    """Resources of a job that goes over all chips once."""
    return resources.reading(count_chips) if ASKED else {}


def training(candidate=None, trainings=1, held=1):
    """Resources of a job that trains networks: the one that its wildcards name, or some that nobody knows yet."""
    return (
        resources.training(CONFIG, count_chips, candidate, trainings, held)
        if ASKED
        else {}
    )


# A training that fails for good may fail alone; how often it is tried must be known inside its jobs, too.
ALLOW_MISSING = CONFIG.grid.allow_missing
RETRIES = 2 if ALLOW_MISSING else None
LEFT_OUT = (
    # Exit code 2: trying again is no use.
    f" || {{{{ (( $? == 2 || {{resources.attempt}} > {RETRIES} ))"
    ' && echo "failed: see {log}" | tee {output:q} >&2; }}'
    if ALLOW_MISSING
    else ""
)


def select(wildcards):
    """The flags that name a channel set's bands."""
    return ["--select", *CHANNEL_SETS[wildcards.channels]]


def read_own(table, file):
    """Read a table of this run while the graph is built; a damaged one is set aside, to be made again."""
    try:
        return table.read(file)
    except DamagedFileError as error:
        os.environ[RESULTS_VARIABLE] = str(Path("results", RUN).absolute())
        print(
            f"error: {error if '--dry-run' in sys.argv else set_aside(error)}",
            file=sys.stderr,
        )
        sys.exit(2)


@cache
def proposed(rounds=CONFIG.search.rounds):
    """(channels, batch, architecture) of whom the search proposed in its first rounds; None: it has not yet."""
    from workflow_lib.core import tables

    file = Path("results", RUN, "propose_candidates", f"{rounds - 1}.parquet")
    if not file.exists():
        return None
    table = read_own(tables.PROPOSALS, file)[["channels", "batch", "architecture"]]
    return list(table.itertuples(index=False, name=None))


def candidates(rounds=CONFIG.search.rounds):
    """(channels, batch, architecture) of whom the search proposed in its first rounds, and of every baseline."""
    sets, batches = CHANNEL_SETS, CONFIG.grid.batch_sizes
    if CONFIG.search.strategy == "grid":
        return list(product(sets, batches, NETWORKS))
    chosen = proposed(rounds)
    if chosen is None:
        raise UserError(
            f"no proposals for search.strategy {CONFIG.search.strategy}",
            f"results/{RUN}/propose_candidates/{rounds - 1}.parquet",
            "start the run with python -m workflow_lib.rounds and Snakemake's options",
        )
    return [*chosen, *product(sets, batches, [CONFIG.grid.baseline])]


# Whose files and latencies are wanted: those of the grid, or of cells that were found.
NETWORKS = [
    *(
        dict.fromkeys(architecture for _, _, architecture in proposed() or [])
        if CONFIG.assembled
        else CONFIG.architectures
    ),
    CONFIG.grid.baseline,
]


# Rule -> what a job of it reads from outside the workflow.
EXTERNAL = {}
notice_all_changes(EXTERNAL, "build_report", CONFIG.digest)


def external(rule, files):
    """The start of a command that records which files from outside a job reads: if they change, it runs again.

    `files` gives these files, folders and patterns for wildcards; they are no inputs, because Snakemake compares only times.
    """

    def recorded(wildcards):
        record = Path(
            "results", RUN, ".external", rule, *map(str, wildcards), "files.json"
        )
        return record, list(map(str, files(wildcards)))

    def command(wildcards):
        record, paths = recorded(wildcards)
        words = [
            "python",
            "-m",
            "workflow_lib.core.external_files",
            str(record),
            *paths,
        ]
        return f"{shlex.join(words)} && " if paths else ""

    EXTERNAL[rule] = recorded
    return command


def package_files(wildcards):
    """A predictor package; none for a published one, which is checked by its checksum."""
    source = CONFIG.devices[wildcards.device].package
    return [source] if source else []


def measurements_file(wildcards):
    """What was measured elsewhere."""
    path = CONFIG.devices[wildcards.device].measurements
    return [path] if path else []


def raster_folders(wildcards):
    """The folders of the chips that import_chips reads, if the workflow does not make them itself."""
    if CHIPS_MADE:
        return []
    return [
        Path(CONFIG.data.root, part.folder, label)
        for parts in CONFIG.data.regions.values()
        for part in parts
        for label in CONFIG.data.classes
    ]
