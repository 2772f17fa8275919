"""Supernets: one set of weights that all networks of a search space share."""

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
    """Iterate over ids of networks that together have every value of every choice.

    The first few alone have all values. Then follows, for each value of each choice, the network with that value and
    the last value of every other choice.
    """
    last = {name: values[-1] for name, values in space.choices.items()}
    for number in range(max(map(len, space.choices.values()))):
        yield space.build({name: values[number % len(values)] for name, values in space.choices.items()})
    for name, values in space.choices.items():
        for value in values:
            yield space.build({**last, name: value})


def covering_edges(space: Space) -> Iterator[str]:
    """Iterate over ids of networks of DARTS cells that together have every operation on every edge.

    In this space the source of an edge is a choice too, so sources and operations must be combined.
    """
    tails = {name: values for name, values in space.choices.items() if name.endswith(" from")}
    operations = {name: values for name, values in space.choices.items() if name not in tails}
    for pair, operation in product(*(range(max(map(len, group.values()))) for group in (tails, operations))):
        groups = ((tails, pair), (operations, operation))
        yield space.build(
            {name: values[number % len(values)] for group, number in groups for name, values in group.items()}
        )


class Supernet(nn.Module):
    """The weights that the networks of a space share.

    Tensors with the same shared name are one tensor, and a smaller network uses the leading part of each dimension. The
    network to run is given with each batch.

    Args:
        space: search space; choices that determine sizes must have their largest value last.
        to_module: id -> the network, freshly initialised.
        shared_name: (id, name of a tensor in that network) -> shared name; by default the tensor's own name, so that
            networks share tensors of the same name.
        covering: space -> ids of networks that together have all tensors.
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
                key = self.tensor_name(network, name)
                if donors[key] == network and tensor.shape == sizes[key]:
                    self._register(key, tensor, name in trained)

    def _plan(self, networks: Iterable[str]) -> tuple[dict[str, torch.Size], dict[str, str]]:
        """Find the largest size of each tensor, and the first network with that size."""
        sizes: dict[str, torch.Size] = {}
        donors: dict[str, str] = {}
        for network in networks:
            for key, size in self._layout(network)[1].values():
                if key not in sizes or size.numel() > sizes[key].numel():
                    sizes[key], donors[key] = size, network
        return sizes, donors

    def tensor_name(self, network: str, name: str) -> str:
        """Name of the supernet's tensor that a network's tensor is a part of.

        Args:
            network: id of the network.
            name: name of its tensor.
        """
        return self._shared_name(network, name).replace(".", "/")  # torch does not allow dots in names

    def _register(self, key: str, tensor: Tensor, trained: bool) -> None:
        if trained:
            self.register_parameter(key, nn.Parameter(tensor.clone()))
        else:
            self.register_buffer(key, tensor.clone())

    def forward(self, x: Tensor, network: str) -> Tensor:
        """Classify images with one network.

        Args:
            x: (n, channels, height, width) images.
            network: id of the network.

        Returns:
            (n, classes) logits.
        """
        template = self._layout(network)[0].train(self.training)
        logits: Tensor = functional_call(template, self.tensors(network), (x,))
        return logits

    def tensors(self, network: str) -> dict[str, Tensor]:
        """Parameters and buffers of one network by their names in it, as views of the shared tensors."""
        found = {}
        for name, (key, size) in self._layout(network)[1].items():
            found[name] = getattr(self, key)[tuple(map(slice, size))]
            if found[name].shape != size:
                raise ValueError(f"{network} is wider than its supernet: the widest value of a choice must be last")
        return found

    def template(self, network: str) -> nn.Module:
        """Build a network without weights, on the meta device."""
        with torch.device("meta"):
            return self._to_module(network)

    def _make_layout(self, network: str) -> tuple[nn.Module, dict[str, tuple[str, torch.Size]]]:
        """Build a network without weights, and find the shared name and the size of each of its tensors."""
        template = self.template(network)
        tensors = template.state_dict()
        return template, {name: (self.tensor_name(network, name), tensor.shape) for name, tensor in tensors.items()}

    def extract(self, network: str) -> nn.Module:
        """Extract one network as a stand-alone module with a copy of its weights."""
        module = self._to_module(network)
        module.load_state_dict(self.tensors(network))
        return module.train(self.training)

    def subspace_supernet(self, space: Space) -> "Supernet":
        """Build the supernet of a subspace, with a copy of the weights that the subspace needs.

        Args:
            space: the supernet's space without some of its values.
        """
        smaller = Supernet(space, self._to_module, self._shared_name, self._covering)
        with torch.no_grad():
            for name, tensor in smaller.state_dict().items():
                tensor.copy_(getattr(self, name)[tuple(slice(size) for size in tensor.shape)])
        return smaller


def make_supernet(
    space: str, choices: Mapping[str, Sequence[int | str]], skeleton: Skeleton, channels: int, classes: int
) -> Supernet:
    """Build the supernet of a subspace.

    Args:
        space: name of the space: cross, nasbench201, darts or mobilenet.
        choices: dimension -> values; spaces other than CROSS need only the dimensions that the subspace restricts.
        skeleton: skeleton of networks of cells.
        channels: bands of the input images.
        classes: number of outputs (logits).
    """

    def build(network: str) -> nn.Module:
        return to_module(network, channels, classes)

    if space == "cross":
        # Sorted, so that the widest value is last.
        sorted_choices = {name: sorted(map(int, values)) for name, values in choices.items()}
        return Supernet(cross.space(sorted_choices), build, cross_name)
    cell_spaces = {"nasbench201": nasbench201, "darts": darts}
    whole = cell_spaces[space].network_space(skeleton) if space in cell_spaces else mobilenet.space()
    part = replace(whole, choices={**whole.choices, **choices})
    return Supernet(part, build, covering=covering_edges if space == "darts" else covering)


def cross_name(network: str, name: str) -> str:
    """Shared name of a tensor of a CROSS network: stems are separate per kernel size, and batch norms per width.

    Norms have few parameters, and their statistics depend on the width (Yu et al. 2019, switchable batch
    normalisation).

    >>> cross_name("k3-s2-p1-pool3s2-w32", "conv1.weight"), cross_name("k3-s2-p1-pool3s2-w32", "bn1.weight")
    ('conv1.weight@k3', 'bn1.weight@w32')
    """
    architecture = cross.Architecture.parse(network)
    if name.startswith("conv1."):
        return f"{name}@k{architecture.kernel_size}"
    return f"{name}@w{architecture.width}" if _NORMS.match(name) else name
