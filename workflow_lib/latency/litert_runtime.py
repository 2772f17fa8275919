"""LiteRT, formerly TensorFlow Lite, as a runtime of networks on this machine."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError
from workflow_lib.latency.runtimes import Model, Run, conditions, cpu_clock, noise, place_of


@dataclass(frozen=True)
class LiteRt:
    """LiteRT (TensorFlow Lite) on the CPU, with its XNNPACK delegate.

    Attributes:
        threads: number of threads per operator.
    """

    threads: int = 1

    def interpreter(self, model: Model) -> Any:
        """Load a network as an interpreter of LiteRT.

        Raises:
            UserError: if LiteRT cannot read the network.
        """
        from ai_edge_litert.interpreter import Interpreter

        try:
            source = {"model_path": str(model)} if isinstance(model, Path) else {"model_content": model}
            interpreter = Interpreter(**source, num_threads=self.threads)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise UserError(f"LiteRT cannot load the network ({str(error)[:200]})", place_of(model)) from None
        return interpreter

    def open(self, model: Model) -> Run:
        """Load a network; see `Runtime.open`."""
        interpreter = self.interpreter(model)
        for tensor in interpreter.get_input_details():
            if tensor["shape"][:1].tolist() != [1]:
                raise UserError(f"input {tensor['name']} is {tensor['shape']}, but must be one image", place_of(model))
            interpreter.set_tensor(tensor["index"], noise(tensor["shape"], tensor["dtype"]))
        invoke: Run = interpreter.invoke
        return invoke

    def classify(self, interpreter: Any, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Classify one image; integer networks get the image, and give their logits, in their own scale.

        Args:
            interpreter: loaded network, from `interpreter`.
            image: (height, width, channels) image, as the network was trained on.

        Returns:
            (1, classes) logits.
        """
        [source], [target] = interpreter.get_input_details(), interpreter.get_output_details()
        values = image[None]
        if np.issubdtype(source["dtype"], np.integer):
            scale, zero = source["quantization"]
            bounds = np.iinfo(source["dtype"])
            values = np.clip(np.round(values / scale) + zero, bounds.min, bounds.max)
        interpreter.set_tensor(source["index"], values.astype(source["dtype"]))
        interpreter.invoke()
        logits = interpreter.get_tensor(target["index"]).astype(np.float32)
        if np.issubdtype(target["dtype"], np.integer):
            scale, zero = target["quantization"]
            logits = (logits - zero) * np.float32(scale)
        return np.asarray(logits, dtype=np.float32)

    def clock(self) -> Callable[[], int]:
        """Return the clock of a run."""
        return cpu_clock(self.threads)

    def describe(self) -> dict[str, Any]:
        """Describe the conditions of a measurement as JSON values."""
        return conditions(self) | {"ai-edge-litert": version("ai-edge-litert")}
