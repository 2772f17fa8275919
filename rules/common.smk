"""Shared setup of all rules: the run, the wildcard constraints and the shell prefix of jobs."""

from workflow_lib.core.arguments import flags
from workflow_lib.workflow import session
from workflow_lib.workflow.run_candidates import Candidates
from workflow_lib.workflow.training_jobs import TrainingJobs

RUN = session.open_run(workflow, config)
CONFIG = RUN.config
CANDIDATES = Candidates(RUN)
TRAININGS = TrainingJobs(
    RUN, CANDIDATES, lambda fold: checkpoints.race_folds.get(fold=fold).output[0]
)


pathvars:
    results=RUN.folder,
    logs=f"{RUN.folder}/logs",
    benchmarks=f"{RUN.folder}/benchmarks",


wildcard_constraints:
    **RUN.wildcards,


# A scheduler would take longer to start these jobs than they run; rules without a command are always local.
localrules:
    calibrate_predictor,
    import_package,
    measure_remote,
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


onstart:
    session.hold_run(workflow, RUN)


shell.prefix(session.shell_prefix(workflow, RUN))
