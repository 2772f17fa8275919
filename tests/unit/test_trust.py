"""Who made a bundle and what is in it: signatures, bill of materials, requirements, model card and STAC item."""

import base64
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pystac
import pystac.validation
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from field_bundle import LICENCE, chips
from jsonschema import Draft7Validator
from referencing import Registry

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import sha256
from workflow_lib.field.bundle import Bundle, write_checksums
from workflow_lib.field.stac_item import write_stac_item

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "tests" / "stac_schemas"
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
TOOL = [str(Path(sys.executable).with_name("model_signing"))]


def write_keys(folder: Path, key: Any) -> tuple[Path, Path]:
    private, public = folder / "private.pem", folder / "public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


@dataclass(frozen=True)
class Signed:
    """A bundle, signed by the public tool."""

    folder: Path
    public: Path

    @property
    def signature(self) -> Path:
        return self.folder / "model.sig"

    def open(self) -> Bundle:
        return Bundle.open(self.folder, public_key=self.public)


def sign(folder: Path, private: Path) -> None:
    signature = folder / "model.sig"
    subprocess.run(
        [*TOOL, "sign", "key", str(folder), "--signature", str(signature), "--private_key", str(private)], check=True
    )


@pytest.fixture
def signed(bundle: Path, tmp_path: Path) -> Signed:
    folder = shutil.copytree(bundle, tmp_path / "model")
    private, public = write_keys(tmp_path, ec.generate_private_key(CURVES["P-256"]))
    sign(folder, private)
    return Signed(folder, public)


@pytest.mark.parametrize("curve", CURVES)
def test_a_bundle_that_the_public_tool_signed_is_opened(curve: str, bundle: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bundle, tmp_path / "model")
    private, public = write_keys(tmp_path, ec.generate_private_key(CURVES[curve]))
    sign(folder, private)
    assert Bundle.open(folder, public_key=public).name == Bundle.open(bundle).name
    verify = [*TOOL, "verify", "key", str(folder), "--signature", str(folder / "model.sig")]
    subprocess.run([*verify, "--public_key", str(public)], check=True)
    (folder / "a_map.tif").write_bytes(b"what a user writes beside it")
    assert Bundle.open(folder, public_key=public)


def test_a_bundle_without_a_signature_or_with_that_of_another_is_refused(signed: Signed, tmp_path: Path) -> None:
    _, other = write_keys(tmp_path, ec.generate_private_key(CURVES["P-256"]))
    with pytest.raises(UserError, match="was not made with the private key that belongs to --public-key"):
        Bundle.open(signed.folder, public_key=other)
    signed.signature.unlink()
    signed.signature.mkdir()
    with pytest.raises(UserError, match=r"model\.sig: cannot be read"):
        signed.open()
    signed.signature.rmdir()
    with pytest.raises(UserError, match=r"model\.sig: no such file: the bundle is not signed"):
        signed.open()


def test_tampering_with_any_file_is_refused(signed: Signed) -> None:
    for file in sorted(signed.folder.iterdir()):
        content = file.read_bytes()
        file.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
        with pytest.raises(UserError):
            signed.open()
        if file.name not in ("SHA256SUMS", "model.sig"):  # also if the checksums are written anew
            sums = (signed.folder / "SHA256SUMS").read_bytes()
            others = [path for path in signed.folder.iterdir() if path.name not in ("SHA256SUMS", "model.sig")]
            write_checksums(others, signed.folder / "SHA256SUMS")
            with pytest.raises(UserError):
                signed.open()
            (signed.folder / "SHA256SUMS").write_bytes(sums)
        file.write_bytes(content)
    assert signed.open()


def rewrite(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    def write(content: bytes) -> bytes:
        bundle = json.loads(content)
        return json.dumps(change(bundle) or bundle).encode()

    return write


WRONG: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "binary": lambda _: b"\xff\xfe\x00",
    "a list": lambda _: b"[]",
    "no envelope": rewrite(lambda bundle: bundle.pop("dsseEnvelope") and None),
    "an envelope that is a text": rewrite(lambda bundle: bundle.update(dsseEnvelope="x")),
    "another type": rewrite(lambda bundle: bundle["dsseEnvelope"].update(payloadType="text/plain")),
    "no signatures": rewrite(lambda bundle: bundle["dsseEnvelope"].update(signatures=[])),
    "a signature that is a number": rewrite(lambda bundle: bundle["dsseEnvelope"].update(signatures=[1])),
    "not base64": rewrite(lambda bundle: bundle["dsseEnvelope"].update(payload="§")),
    "another payload": rewrite(lambda bundle: bundle["dsseEnvelope"].update(payload=base64.b64encode(b"{}").decode())),
    "nested deeply": lambda _: b"[" * 100_000,
}


@pytest.mark.parametrize("case", WRONG)
def test_a_broken_signature_is_refused_in_one_line(case: str, signed: Signed) -> None:
    signed.signature.write_bytes(WRONG[case](signed.signature.read_bytes()))
    with pytest.raises(UserError, match=r"model\.sig: (is not a signature of a model|was not made with)"):
        signed.open()


def test_a_signed_statement_of_another_kind_is_refused(signed: Signed, tmp_path: Path) -> None:
    """Whatever an owner signs with the same key for another purpose says nothing about a bundle."""
    key = ec.generate_private_key(CURVES["P-256"])
    _, public = write_keys(tmp_path, key)
    bundle, kind = json.loads(signed.signature.read_text()), "application/vnd.in-toto+json"
    statements: list[Any] = [
        {}, [], {"predicateType": "https://slsa.dev/provenance/v1", "predicate": {"resources": []}},
        {"predicateType": "https://model_signing/signature/v1.0", "predicate": {"resources": {}}},
        {"predicateType": "https://model_signing/signature/v1.0", "predicate": {"resources": [{"name": 1}]}},
        {"predicateType": "https://model_signing/signature/v1.0", "predicate": {"resources": []}},
    ]  # fmt: skip
    for statement in statements:
        payload = json.dumps(statement).encode()
        signature = key.sign(f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload, ec.ECDSA(SHA256()))
        envelope = {"payload": payload, "sig": signature}
        encoded = {name: base64.b64encode(value).decode() for name, value in envelope.items()}
        bundle["dsseEnvelope"] |= {"payload": encoded["payload"], "signatures": [{"sig": encoded["sig"]}]}
        signed.signature.write_text(json.dumps(bundle))
        with pytest.raises(UserError, match=r"is not a signature of a model|SHA256SUMS: is not signed"):
            Bundle.open(signed.folder, public_key=public)


def test_a_key_of_another_kind_is_refused_in_one_line(signed: Signed, tmp_path: Path) -> None:
    private, _ = write_keys(tmp_path, ec.generate_private_key(CURVES["P-256"]))
    others: list[Path] = []
    kinds = {"edwards": ed25519.Ed25519PrivateKey.generate(), "koblitz": ec.generate_private_key(ec.SECP256K1())}
    for name, key in kinds.items():
        (tmp_path / name).mkdir()
        others += write_keys(tmp_path / name, key)
    text = tmp_path / "text.pem"
    text.write_text("not a key")
    for file in (private, *others, text):
        with pytest.raises(UserError, match=r"is not a public key on the curve P-256, P-384 or P-521"):
            Bundle.open(signed.folder, public_key=file)
    with pytest.raises(UserError, match=r"gone\.pem: cannot be read"):
        Bundle.open(signed.folder, public_key=tmp_path / "gone.pem")


def test_the_bill_of_materials_is_valid_and_names_what_is_there(bundle: Path) -> None:
    text = (bundle / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    pins = re.findall(r"^([a-z-]+)==(\S+)", (bundle / "requirements.txt").read_text(), re.MULTILINE)
    assert [(part["name"], part["version"]) for part in bill["components"]] == pins
    model = bill["metadata"]["component"]
    assert model["type"] == "machine-learning-model"
    assert model["licenses"] == [{"expression": LICENCE}]
    assert model["hashes"] == [{"alg": "SHA-256", "content": sha256(bundle / "model.onnx")}]
    assert model["modelCard"]["modelParameters"]["datasets"][0]["name"] == "12 chips: here 12"


def test_a_bundle_of_an_earlier_version_has_no_bill_of_materials(bundle: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bundle, tmp_path / "model")
    (folder / "sbom.cdx.json").unlink()
    (folder / "stac_item.json").unlink()
    write_checksums([file for file in folder.iterdir() if file.name != "SHA256SUMS"], folder / "SHA256SUMS")
    assert Bundle.open(folder)


def test_the_requirements_are_those_of_the_lock_each_with_checksums(bundle: Path) -> None:
    lock = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line)
    text = (bundle / "requirements.txt").read_text()
    pins = dict(re.findall(r"^([a-z-]+)==(\S+)", text, re.MULTILINE))
    assert pins.keys() >= {"numpy", "onnxruntime", "rasterio"}
    assert pins == {name: lock[name] for name in pins}, "make lock"
    blocks = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pins) and all("--hash=sha256:" in block for block in blocks)


def test_the_head_of_the_model_card_is_what_hugging_face_reads(bundle: Path) -> None:
    """Its keys are those of the hub's model cards."""
    _, head, text = (bundle / "model_card.md").read_text().split("---\n", 2)
    values = yaml.safe_load(head)
    assert values["license"] == LICENCE.lower()
    assert "raw values of dem (m), red, nir, NaN" in text
    assert values["library_name"] == "onnx" and values["pipeline_tag"] == "image-classification"
    [model] = values["model-index"]
    [result] = model["results"]
    assert text.strip().startswith(f"# {model['name']}")
    assert result["dataset"] == {"type": "raster-chips", "name": "12 chips of here"}
    assert result["metrics"] == [{"type": "accuracy", "name": "validation accuracy (%)", "value": 1.0}]


def test_the_stac_item_is_valid(bundle: Path) -> None:
    item = pystac.Item.from_dict(json.loads((bundle / "stac_item.json").read_text()))
    assert pystac.validation.validate_dict(item.to_dict() | {"stac_extensions": []})
    # The schemas of extensions, as they stand at their addresses.
    schemas = {(text := json.loads(file.read_text()))["$id"].rstrip("#"): text for file in SCHEMAS.glob("*.json")}
    registry: Any = Registry().with_contents(schemas.items())
    for extension in item.stac_extensions:
        Draft7Validator(schemas[extension], registry=registry).validate(item.to_dict())
    assert item.properties["license"] == LICENCE
    assert item.properties["mlm:input"][0]["bands"] == ["dem", "red", "nir"]
    west, south, east, north = item.bbox or []
    assert -99.0 < west < east < -97.0 and -0.1 < south < north < 0.1, "around 98 degrees west on the equator"
    assert all((bundle / asset.href).is_file() for asset in item.assets.values())


@pytest.mark.parametrize("crs", ["", 'LOCAL_CS["nowhere",UNIT["metre",1]]'])
def test_chips_that_lie_nowhere_make_an_item_without_a_place(crs: str, bundle: Path, tmp_path: Path) -> None:
    description = json.loads((bundle / "bundle.json").read_text())
    description["input"]["resolution_m"] = None
    shutil.copy(bundle / "standalone.onnx", tmp_path)
    write_stac_item(description, chips().chips.assign(crs=crs), tmp_path)
    item = json.loads((tmp_path / "stac_item.json").read_text())
    assert item["geometry"] is None and "bbox" not in item and "gsd" not in item["properties"]
    assert pystac.validation.validate_dict(item | {"stac_extensions": []})
