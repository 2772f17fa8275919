"""The configuration of the search strategy."""

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, WithJsonSchema, create_model

from workflow_lib.core.section import Section
from workflow_lib.search.strategy_declaration import StrategyDeclaration, all_strategies

if TYPE_CHECKING:
    from workflow_lib.config import Config


def _check_strategy(name: str) -> str:
    if name not in all_strategies():
        raise ValueError(f"{name!r} is not a strategy: choose one of {', '.join(all_strategies())}")
    return name


class _SearchConfig(Section):
    """The strategy that selects the candidates to train."""

    strategy: Annotated[str, AfterValidator(_check_strategy), WithJsonSchema({"enum": list(all_strategies())})] = Field(
        default="grid",
        description="; ".join(f"{name}: {strategy.words}" for name, strategy in all_strategies().items()),
    )
    candidates: int = Field(
        default=32,
        ge=1,
        description="maximum number of candidates to train, not counting baselines",
    )
    round_candidates: int = Field(
        default=8,
        ge=1,
        description="candidates to train per round, before `reinforce`, `evolution` and `tpe` propose again",
    )
    limits: dict[str, float] = Field(
        default={},
        description="column -> maximum value, for costs that are known before training, such as {latency_worst_ms: 20, "
        "memory_bytes: 1e6}; candidates above a limit are never trained",
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
    def rounds(self) -> int:
        """The number of rounds in which the strategy proposes candidates."""
        return -(-self.candidates // self.round_candidates) if self.declaration.learns else 1

    def round_size(self, round_number: int) -> int:
        """Return the maximum number of candidates in a round."""
        if not self.declaration.learns:
            return self.candidates
        return min(self.round_candidates, self.candidates - round_number * self.round_candidates)

    def check_within(self, config: "Config", key: str) -> None:
        """Check this section against the others; see `Section.check_within`."""
        if (self.strategy == "constrained") != (config.cell_search is not None):
            raise ValueError(f"set cell_search if and only if {key}.strategy is constrained")
        self._check_limits(config, f"{key}.limits")
        if self.declaration.rewarded_by_accuracy and not config.only_accuracy_is_unknown:
            raise ValueError(
                f"{key}.strategy {self.strategy} predicts accuracies: front.objectives must contain accuracy_pct, and "
                "otherwise only costs that are known before training"
            )

    def _check_limits(self, config: "Config", key: str) -> None:
        if self.limits and (self.strategy == "grid" or self.declaration.propose):
            able = [name for name, strategy in all_strategies().items() if strategy.make and name != "grid"]
            raise ValueError(f"{key} needs a strategy that chooses from the grid: {', '.join(able)}")
        known = [name for name in config.objective_names if name not in {*config.score_names, "training_s"}]
        if unknown := [name for name in self.limits if name not in known]:
            raise ValueError(f"{key} names {unknown[0]}, which is not a cost known before training: {', '.join(known)}")


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
