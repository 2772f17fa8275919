"""The bill of materials of a bundle: the model, the chips it was trained on, and the packages that its program needs.

The format is CycloneDX 1.6, whose components of the type machine-learning-model make it an ML-BOM, too.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflow_lib import SOFTWARE
from workflow_lib.core.files import sha256, write_text
from workflow_lib.field.bundle import SBOM

_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\]+)", re.MULTILINE)


def write_sbom(description: Mapping[str, Any], folder: Path) -> None:
    """Write the bill of materials into the folder of a bundle.

    Args:
        description: content of the bundle's `bundle.json`.
        folder: folder of the bundle, with its networks and `requirements.txt`.
    """
    requirements = _REQUIREMENT.findall((folder / "requirements.txt").read_text(encoding="utf-8"))
    libraries = [_library(name, version) for name, version in requirements]
    model = _model(description, folder)
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"tools": {"components": [_software()]}, "component": model},
        "components": libraries,
        "dependencies": [{"ref": model["bom-ref"], "dependsOn": [library["bom-ref"] for library in libraries]}],
    }
    write_text(folder / SBOM, json.dumps(bill, indent=2) + "\n")


def _software() -> dict[str, Any]:
    name, version, license_id = SOFTWARE["name"], SOFTWARE["version"], SOFTWARE["license"]
    return {"type": "application", "name": name, "version": version, "licenses": [{"license": {"id": license_id}}]}


def _library(name: str, version: str) -> dict[str, Any]:
    package = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
    return {"type": "library", "bom-ref": package, "name": name, "version": version, "purl": package}


def _model(description: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Describe the network in the candidate's precision."""
    file = folder / description["models"][description["precision"]]
    training, expected = description["training"], description["expected"]
    metrics = [("accuracy on validation chips (%)", expected["accuracy_pct"])]
    if expected["holdout_accuracy_pct"] is not None:
        metrics.append(("accuracy on the hold-out (%)", expected["holdout_accuracy_pct"]))
    regions = ", ".join(f"{region} {count}" for region, count in training["regions"].items())
    return {
        "type": "machine-learning-model",
        "bom-ref": file.name,
        "name": description["candidate"],
        "description": f"Distinguishes {' from '.join(description['output']['classes'])} on raster chips.",
        **({"licenses": [{"expression": description["licence"]}]} if description["licence"] else {}),
        "hashes": [{"alg": "SHA-256", "content": sha256(file)}],
        "modelCard": {
            "modelParameters": {
                "task": "image classification",
                "architectureFamily": "convolutional neural network",
                "modelArchitecture": description["architecture"],
                "datasets": [{"type": "dataset", "name": f"{training['chips']} chips: {regions}"}],
                "inputs": [{"format": f"float32, raw values of {', '.join(description['input']['bands'])}"}],
                "outputs": [{"format": f"probabilities of {', '.join(description['output']['classes'])}"}],
            },
            "quantitativeAnalysis": {
                "performanceMetrics": [{"type": name, "value": f"{value:.2f}"} for name, value in metrics]
            },
            "considerations": {
                "technicalLimitations": ["The accuracy holds for the regions, sensors and seasons of the chips."]
            },
        },
    }
