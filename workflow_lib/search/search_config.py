"""The configuration of the search strategy."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, WithJsonSchema, create_model

from workflow_lib.core.section import Budgets, Section
from workflow_lib.search.strategies.halving import HalvingConfig
from workflow_lib.search.strategy_declaration import StrategyDeclaration, all_strategies
from workflow_lib.search.surrogate_tables import MIN_KNOWN
from workflow_lib.spaces.networks import parse

if TYPE_CHECKING:
    from workflow_lib.config import Config


def _check_strategy(name: str) -> str:
    if name not in all_strategies():
        raise ValueError(f"{name!r} is not a strategy: choose one of {', '.join(all_strategies())}")
    return name


def _keep_budgets() -> list[str]:
    return [name for name, strategy in all_strategies().items() if strategy.keeps_budgets]


def _check_known(costs: Iterable[str], config: "Config", key: str) -> None:
    known = [name for name in config.objective_names if name not in {*config.score_names, "training_s"}]
    if unknown := [name for name in costs if name not in known]:
        raise ValueError(f"{key} names {unknown[0]}, which is not a cost known before training: {', '.join(known)}")


class _SearchConfig(Section):
    """The strategy that selects the candidates to train."""

    strategy: Annotated[str, AfterValidator(_check_strategy), WithJsonSchema({"enum": list(all_strategies())})] = Field(
        default="grid",
        description="; ".join(f"{name}: {strategy.words}" for name, strategy in all_strategies().items()),
    )
    candidates: int = Field(
        default=32,
        ge=1,
        description="effort of the search, as a number of candidates that are trained on all folds for all epochs, not "
        "counting baselines; not used by grid and constrained",
    )
    training_hours: float | None = Field(
        default=None,
        gt=0,
        description="stop the search once its trainings, those of the baselines included, have taken this many hours "
        "in all, even if `candidates` are not reached; for strategies that learn, except halving. null: no limit",
    )
    round_candidates: int = Field(
        default=8,
        ge=1,
        description="candidates to train per round, before a strategy that learns proposes again; not used by halving",
    )
    limits: dict[str, float] = Field(
        default={},
        description="column -> maximum value, for costs that are known before training, such as {latency_worst_ms: 20, "
        "memory_bytes: 1e6}; candidates above a limit are never trained",
    )
    budgets: dict[str, Budgets] = Field(
        default={},
        description="column -> maximum values, for the same costs, such as {latency_worst_ms: [5, 10, 20]}: strategy "
        "surrogate looks for the most accurate candidate within each budget, in one search for all; empty: it looks "
        "for the whole front",
    )
    folds_at_a_time: int | None = Field(
        default=None,
        ge=1,
        description="strategy surrogate trains new candidates on this many folds, and on more only where the place on "
        "the front is undecided; at the end it completes the candidates that are believed to be the best. Each round "
        "then trains `round_candidates` times this many folds. null: all folds of every candidate",
    )
    latency_target_ms: float | None = Field(
        default=None,
        gt=0,
        description="latency target of the reward of `reinforce`, `evolution` and `tpe`, which is accuracy x (target / "
        "mean latency) ^ weight; null: the median latency of the grid",
    )
    latency_weight: float = Field(default=0.07, ge=0, description="weight in that reward; 0: accuracy only")

    @property
    def declaration(self) -> StrategyDeclaration:
        """The declaration of the strategy."""
        return all_strategies()[self.strategy]

    @property
    def rungs(self) -> "HalvingConfig | None":
        """The rungs in which candidates are trained, if they are trained for a part of their epochs first."""
        settings: HalvingConfig = self.halving  # type: ignore[attr-defined]  # sections of strategies are added below
        by_halving = getattr(getattr(self, self.strategy, None), "by_halving", False)
        return settings if self.strategy == "halving" or by_halving else None

    @property
    def shares_weights(self) -> bool:
        """Whether a supernet tells the strategy how accurate networks are with shared weights."""
        return bool(getattr(getattr(self, self.strategy, None), "shared_accuracy", False))

    def rounds(self, folds: int) -> int:
        """Return the number of rounds in which the strategy proposes trainings.

        With `folds_at_a_time` there is one more, which completes the candidates that are believed to be the best.

        Args:
            folds: number of folds of the run.

        >>> SearchConfig(strategy="surrogate", candidates=4, round_candidates=2, folds_at_a_time=1).rounds(folds=3)
        7
        """
        if not self.declaration.learns:
            return 1
        if self.rungs:
            searches = 1 if self.strategy == "halving" else -(-self.candidates // self.round_candidates)
            return self.rungs.rungs * searches
        return -(-self._actions(folds) // self.round_candidates) + bool(self.folds_at_a_time)

    def completes(self, round_number: int, folds: int) -> bool:
        """Whether a round completes the candidates that are believed to be the best, instead of searching on.

        Args:
            round_number: number of the round, from 0.
            folds: number of folds of the run.
        """
        return self.folds_at_a_time is not None and round_number == self.rounds(folds) - 1

    def part(self, round_number: int) -> int:
        """Return n, where a candidate of a round trains for 1/n of its epochs.

        Args:
            round_number: number of the round, from 0.
        """
        return self.rungs.part(round_number % self.rungs.rungs) if self.rungs else 1

    def rung_effort(self, round_number: int) -> int:
        """Return the effort of the rungs to which a round belongs, in candidates that are trained for all epochs.

        Args:
            round_number: number of the round, from 0.
        """
        assert self.rungs
        if self.strategy == "halving":
            return self.candidates
        start = round_number // self.rungs.rungs * self.round_candidates
        return min(self.round_candidates, self.candidates - start)

    def round_size(self, round_number: int, folds: int) -> int:
        """Return the maximum number of candidates that are trained in a round, on all or on the next few folds.

        Args:
            round_number: number of the round, from 0.
            folds: number of folds of the run.
        """
        if not self.declaration.learns:
            return self.candidates
        return min(self.round_candidates, self._actions(folds) - round_number * self.round_candidates)

    def _actions(self, folds: int) -> int:
        """Number of times that a candidate is trained on all or on the next few folds."""
        return self.candidates * folds // (self.folds_at_a_time or folds)

    def check_within(self, config: "Config", key: str) -> None:
        """Check this section against the others; see `Section.check_within`."""
        self._check_cells(config, key)
        if settings := getattr(self, self.strategy, None):
            settings.check_within(config, f"{key}.{self.strategy}")
        self._check_budgets(config, f"{key}.budgets")
        self._check_folds(config, f"{key}.folds_at_a_time")
        self._check_epochs(config, key)
        if self.training_hours is not None and self.rungs:
            raise ValueError(f"{key}.training_hours cannot be combined with successive halving: remove one of them")
        if self.training_hours is not None and not self.declaration.learns:
            able = [name for name, each in all_strategies().items() if each.learns and name != "halving"]
            raise ValueError(f"{key}.training_hours needs {key}.strategy {' or '.join(able)}")
        if self.strategy == "surrogate" and self.candidates < MIN_KNOWN:
            raise ValueError(f"{key}.candidates is {self.candidates}: a model of the accuracy needs {MIN_KNOWN}")
        self._check_limits(config, f"{key}.limits")
        if self.declaration.rewarded_by_accuracy and not config.only_accuracy_is_unknown:
            raise ValueError(
                f"{key}.strategy {self.strategy} predicts accuracies: front.objectives must contain accuracy_pct, and "
                "otherwise only costs that are known before training"
            )

    def _check_cells(self, config: "Config", key: str) -> None:
        if config.cell_search is None:
            if self.strategy == "constrained":
                raise ValueError(f"{key}.strategy constrained needs the section cell_search")
            return
        if self.strategy == "constrained":
            return
        if not self.declaration.keeps_budgets:
            raise ValueError(f"cell_search needs {key}.strategy {' or '.join(['constrained', *_keep_budgets()])}")
        if self.folds_at_a_time and not config.cell_search.is_enumerated:
            raise ValueError(
                f"{key}.folds_at_a_time needs all candidates at once, but cell_search.space {config.cell_search.space} "
                "is too large for that: remove it"
            )
        cells = config.cell_search.skeletons["trained"]
        if own := [name for name in config.grid.baselines if getattr(parse(name).choices, "skeleton", None) == cells]:
            raise ValueError(
                f"grid.baselines names {own[0]}, which the search may choose; baselines must be outside the space"
            )
        if config.cell_search.random_networks:
            raise ValueError(f"cell_search.random_networks needs {key}.strategy constrained: set it to 0")
        if self.limits or self.budgets:
            raise ValueError(f"{key}.limits and {key}.budgets are for grids: set cell_search.budgets")

    def _check_budgets(self, config: "Config", key: str) -> None:
        if self.budgets and not self.declaration.keeps_budgets:
            raise ValueError(f"{key} needs search.strategy {' or '.join(_keep_budgets())}")
        _check_known(self.budgets, config, key)

    def _check_folds(self, config: "Config", key: str) -> None:
        if self.folds_at_a_time is None:
            return
        if not self.declaration.make_by_folds:
            able = [name for name, strategy in all_strategies().items() if strategy.make_by_folds]
            raise ValueError(f"{key} needs search.strategy {' or '.join(able)}")
        if getattr(self, self.strategy).min_gain_pct:
            raise ValueError(f"{key} cannot be combined with search.{self.strategy}.min_gain_pct: set one of them")
        if config.execution.folds_together == "always":
            raise ValueError(f"{key} decides after some folds: set execution.folds_together to auto or never")
        if self.folds_at_a_time >= config.folds.count:
            raise ValueError(
                f"{key} is {self.folds_at_a_time} and must be less than folds.count, which is {config.folds.count}"
            )

    def _check_epochs(self, config: "Config", key: str) -> None:
        if not self.rungs:
            return
        if self.folds_at_a_time:
            raise ValueError(f"{key}.folds_at_a_time cannot be combined with successive halving: remove one of them")
        if config.cell_search and not config.cell_search.is_enumerated:
            raise ValueError(
                f"{key}.{self.strategy}.by_halving needs all candidates at once, but cell_search.space "
                f"{config.cell_search.space} is too large for that: set it to false"
            )
        starts = range(0, self.rounds(config.folds.count), self.rungs.rungs)
        finished = sum(self.rungs.finished(self.rung_effort(start)) for start in starts)
        if self.strategy == "surrogate" and finished < MIN_KNOWN:
            raise ValueError(
                f"{key}.candidates is {self.candidates}: by halving, only {finished} would be trained to the end, but "
                f"a model needs {MIN_KNOWN}"
            )
        part = self.part(0)
        for recipe in config.grid.recipe_names:
            epochs = config.training_of(recipe).epochs
            if epochs < part:
                where = f"grid.recipes.{recipe}.epochs" if recipe else "training.epochs"
                raise ValueError(
                    f"{where} is {epochs}, but the first rung of {key}.halving trains for 1/{part} of the "
                    "epochs: train longer, or lower its rungs or reduction"
                )

    def _check_limits(self, config: "Config", key: str) -> None:
        if self.limits and (self.strategy == "grid" or self.declaration.propose):
            able = [name for name, strategy in all_strategies().items() if not strategy.propose and name != "grid"]
            raise ValueError(f"{key} needs a strategy that chooses from the grid: {', '.join(able)}")
        _check_known(self.limits, config, key)


if TYPE_CHECKING:
    SearchConfig = _SearchConfig
else:
    SearchConfig = create_model(
        "SearchConfig",
        __base__=_SearchConfig,
        __doc__=_SearchConfig.__doc__,
        **{
            name: (strategy.settings, Field(default=strategy.settings(), description=f"settings of {name}"))
            for name, strategy in all_strategies().items()
            if strategy.settings
        },
    )
