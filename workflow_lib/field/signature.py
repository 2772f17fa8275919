"""The signature of a bundle: who vouches for its files.

Signatures follow the OpenSSF Model Signing specification 1.0 with an elliptic curve key, so that its own tool verifies
and makes them: `model_signing sign key --private_key KEY.pem --signature model.sig BUNDLE`.
"""

import base64
from pathlib import Path
from typing import Any

from workflow_lib.core.errors import UserError
from workflow_lib.field.json_reader import Reader, WrongValueError, load

SIGNATURE = "model.sig"
"""File of the signature in a bundle's folder."""

_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_PREDICATE_TYPE = "https://model_signing/signature/v1.0"
_HASHES = {"secp256r1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}
"""Curve -> hash that is signed."""


def check_signature(folder: Path, public_key: Path, file: str, checksum: str) -> None:
    """Check that the owner of a key has signed a file of a bundle, which lists the checksums of all others.

    Args:
        folder: folder of the bundle, with `model.sig` in it.
        public_key: PEM file of the owner's public key, on the curve P-256, P-384 or P-521.
        file: name of the file in the bundle.
        checksum: SHA-256 of the file, as it is now.

    Raises:
        UserError: if there is no signature, it is not of this key, or it is of other files.
    """
    signature = folder / SIGNATURE
    try:
        payload = _verified_payload(load(signature.read_bytes()), _load_key(public_key), signature)
        signed = {entry["name"]: (entry["algorithm"], entry["digest"]) for entry in _resources(load(payload))}
    except FileNotFoundError:
        raise UserError(
            "no such file: the bundle is not signed", signature, "ask for a signed bundle, or leave out --public-key"
        ) from None
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", signature) from None
    except WrongValueError as error:
        raise UserError(f"is not a signature of a model: {error}", signature, "ask for a new signature") from None
    if signed.get(file) != ("sha256", checksum):
        problem = "differs from the signed one" if file in signed else "is not signed"
        raise UserError(f"{problem}", folder / file, "do not use the bundle; copy it again from its owner")


def _load_key(file: Path) -> Any:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        raise UserError(
            "verifying a signature needs the package cryptography", "--public-key", "pip install cryptography"
        ) from None
    try:
        key = load_pem_public_key(file.read_bytes())
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", file) from None
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name not in _HASHES:
        raise UserError("is not a public key on the curve P-256, P-384 or P-521 in PEM format", file)
    return key


def _verified_payload(bundle: Any, key: Any, file: Path) -> bytes:
    """Return what is signed, after checking that it is signed with the key; see DSSE 1.0 for the signed text."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    envelope = Reader(bundle).section("dsseEnvelope")
    envelope.take("payloadType", lambda value: value == _PAYLOAD_TYPE, _PAYLOAD_TYPE)
    payload = _decode(envelope.take("payload", lambda value: isinstance(value, str), "a text"))
    signatures = envelope.take("signatures", lambda value: isinstance(value, list) and len(value) == 1, "one signature")
    signature = _decode(Reader(signatures[0]).take("sig", lambda value: isinstance(value, str), "a text"))
    text = f"DSSEv1 {len(_PAYLOAD_TYPE)} {_PAYLOAD_TYPE} {len(payload)} ".encode() + payload
    try:
        key.verify(signature, text, ec.ECDSA(getattr(hashes, _HASHES[key.curve.name])()))
    except InvalidSignature:
        raise UserError(
            "was not made with the private key that belongs to --public-key", file, "do not use the bundle"
        ) from None
    return payload


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise WrongValueError("contains a text that is not base64") from None


def _resources(statement: Any) -> list[dict[str, str]]:
    """Return the name, algorithm and digest of each signed file."""
    top = Reader(statement)
    top.take("predicateType", lambda value: value == _PREDICATE_TYPE, _PREDICATE_TYPE)
    resources: list[dict[str, str]] = top.section("predicate").take(
        "resources",
        lambda value: isinstance(value, list) and all(map(_is_resource, value)),
        "a list of names, algorithms and digests",
    )
    return resources


def _is_resource(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("name", "algorithm", "digest"))
