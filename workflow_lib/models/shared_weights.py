"""All networks of a space in one set of weights."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor, nn
from torch.func import functional_call

from workflow_lib.models.modules import to_module
from workflow_lib.spaces.cross import cross_architecture as cross
from workflow_lib.spaces.darts import darts_cell as darts
from workflow_lib.spaces.mobilenet import mobilenet_chain as mobilenet
from workflow_lib.spaces.nasbench201 import nasbench201_cell as nasbench201
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.spaces.space import Space

_LAYOUTS = 512
_NORMS = re.compile(r"(bn1|block\d\.[14]|ds\d\.1)\.")


def covering(space: Space) -> Iterator[str]:
    """Networks that together have every value of every choice: a few that have them all, then each beside the last."""
    last = {name: values[-1] for name, values in space.choices.items()}
    for place in range(max(map(len, space.choices.values()))):
        yield space.build({name: values[place % len(values)] for name, values in space.choices.items()})
    for name, values in space.choices.items():
        for value in values:
            yield space.build({**last, name: value})


def covering_edges(space: Space) -> Iterator[str]:
    """Networks of DARTS cells that together have every operation of every edge: where it comes from is a choice too."""
    tails = {name: values for name, values in space.choices.items() if name.endswith(" from")}
    operations = {name: values for name, values in space.choices.items() if name not in tails}
    for pair, operation in product(*(range(max(map(len, some.values()))) for some in (tails, operations))):
        both = ((tails, pair), (operations, operation))
        yield space.build({name: own[at % len(own)] for some, at in both for name, own in some.items()})


class Supernet(nn.Module):
    """Weights that the networks of a space share.

    Tensors of the same shared name are one; a smaller network takes the leading part of each dimension. Which network
    runs is said with each batch.

    Args:
        space: choices and ids; of choices that give sizes, the largest last.
        to_module: id -> that network, freshly initialised.
        shared_name: id, name of one of its tensors -> what it is called here; by default its own name, so that
            networks share what they call the same.
        covering: a space -> networks that together have all tensors.
    """

    def __init__(
        self,
        space: Space,
        to_module: Callable[[str], nn.Module],
        shared_name: Callable[[str, str], str] = lambda _, name: name,
        covering: Callable[[Space], Iterable[str]] = covering,
    ) -> None:
        super().__init__()
        self.space, self._to_module, self._shared_name, self._covering = space, to_module, shared_name, covering
        self._layout = lru_cache(maxsize=_LAYOUTS)(self._make_layout)
        sizes, donors = self._plan(covering(space))
        for network in dict.fromkeys(donors.values()):
            module = to_module(network)
            trained = dict(module.named_parameters())
            for name, tensor in module.state_dict().items():
                key = self._key(network, name)
                if donors[key] == network and tensor.shape == sizes[key]:
                    self._hold(key, tensor, name in trained)

    def _plan(self, networks: Iterable[str]) -> tuple[dict[str, torch.Size], dict[str, str]]:
        """Largest size of each tensor, and the first network that has it so large."""
        sizes: dict[str, torch.Size] = {}
        donors: dict[str, str] = {}
        for network in networks:
            for key, size in self._layout(network)[1].values():
                if key not in sizes or size.numel() > sizes[key].numel():
                    sizes[key], donors[key] = size, network
        return sizes, donors

    def _key(self, network: str, name: str) -> str:
        return self._shared_name(network, name).replace(".", "/")  # torch allows no dots in names

    def _hold(self, key: str, tensor: Tensor, trained: bool) -> None:
        if trained:
            self.register_parameter(key, nn.Parameter(tensor.clone()))
        else:
            self.register_buffer(key, tensor.clone())

    def forward(self, x: Tensor, network: str) -> Tensor:
        """Classify images by one network: (n, channels, height, width) to (n, classes)."""
        template = self._layout(network)[0].train(self.training)
        logits: Tensor = functional_call(template, self.tensors(network), (x,))
        return logits

    def tensors(self, network: str) -> dict[str, Tensor]:
        """Parameters and buffers of one network, by its own names: views of the shared ones."""
        found = {}
        for name, (key, size) in self._layout(network)[1].items():
            found[name] = getattr(self, key)[tuple(map(slice, size))]
            if found[name].shape != size:
                raise ValueError(f"{network} is wider than its supernet: give the widest value of a choice last")
        return found

    def template(self, network: str) -> nn.Module:
        """A network without weights."""
        with torch.device("meta"):
            return self._to_module(network)

    def _make_layout(self, network: str) -> tuple[nn.Module, dict[str, tuple[str, torch.Size]]]:
        """A network without weights, and for each of its tensors what it is called here and its size."""
        template = self.template(network)
        tensors = template.state_dict()
        return template, {name: (self._key(network, name), tensor.shape) for name, tensor in tensors.items()}

    def cut(self, network: str) -> nn.Module:
        """One network by itself, with a copy of its weights, as any other of its space."""
        module = self._to_module(network)
        module.load_state_dict(self.tensors(network))
        return module.train(self.training)

    def shrunk(self, space: Space) -> "Supernet":
        """The supernet of a part of its space, with a copy of what that part needs.

        Args:
            space: with some values left out.
        """
        smaller = Supernet(space, self._to_module, self._shared_name, self._covering)
        with torch.no_grad():
            for name, tensor in smaller.state_dict().items():
                tensor.copy_(getattr(self, name)[tuple(slice(size) for size in tensor.shape)])
        return smaller


def make_supernet(
    space: str, choices: Mapping[str, Sequence[int | str]], skeleton: Skeleton, channels: int, classes: int
) -> Supernet:
    """The supernet of a part of a space.

    Args:
        space: cross, nasbench201, darts or mobilenet.
        choices: of the CROSS space, dimension -> values; of another, the choices that are not whole.
        skeleton: of networks of cells.
        channels, classes: of all networks.
    """

    def build(network: str) -> nn.Module:
        return to_module(network, channels, classes)

    if space == "cross":
        # The widest last.
        return Supernet(cross.space({name: sorted(map(int, own)) for name, own in choices.items()}), build, cross_name)
    of_cells = {"nasbench201": nasbench201, "darts": darts}
    whole = of_cells[space].network_space(skeleton) if space in of_cells else mobilenet.space()
    part = replace(whole, choices={**whole.choices, **choices})
    return Supernet(part, build, covering=covering_edges if space == "darts" else covering)


def cross_name(network: str, name: str) -> str:
    """What networks of the CROSS space share: not the stems of different kernels, and no norms of different widths.

    Norms are few numbers, and their statistics depend on the width (Yu et al. 2019, switchable batch normalisation).
    """
    architecture = cross.Architecture.parse(network)
    if name.startswith("conv1."):
        return f"{name}@k{architecture.kernel_size}"
    return f"{name}@w{architecture.width}" if _NORMS.match(name) else name
