"""nn-Meter's packages: imported without running them, and predicting what nn-Meter itself predicts."""

import http.server
import json
import logging
import pickle
import random
import shutil
import threading
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hostile_pickles import Runs, forest

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import sha256
from workflow_lib.core.sealed import read_json, write_json
from workflow_lib.devices.package import official_packages
from workflow_lib.devices.package.official_packages import OFFICIAL_PACKAGES, fetch_package
from workflow_lib.latency import package_files
from workflow_lib.latency.forest_predictor import ForestPredictor, forest_name
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.latency.package_files import FUSION_RULES
from workflow_lib.latency.packages import ABOUT, FORESTS, import_package, read_package
from workflow_lib.spaces.cross.cross_architecture import Architecture

RULES = '{"BF_conv_bn": {"obey": true}, "MON": {"obey": 0}}'
TYPES = {
    *("conv", "conv-bn", "conv-bn-relu", "conv-add-relu", "add-conv-bn", "maxpool-conv", "dwconv", "dwconv-bn-relu"),
    *("fc", "fc-relu", "gap", "add", "add-relu", "bn", "bn-relu", "relu", "hswish", "se", "se-relu", "split"),
    *("concat", "channelshuffle", "maxpool", "avgpool", "reshape"),
}
IDS = ["k3-s1-p1-nopool-w32", "k5-s2-p3-pool2s1-w48", "k7-s2-p3-pool3s2-w64", "k3-s1-p2-nopool-w48"]


def kernel(kernel_type: str, *features: float) -> Kernel:
    return Kernel(kernel_type, features, 1, 1, 1, 1, 1, 1, 0)


@pytest.fixture(scope="session")
def k8_cpu(shared: Path) -> Path:
    return shared / "data" / "nn_meter" / "k8_cpu"


@pytest.fixture(scope="session")
def imported(k8_cpu: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("packages") / "k8_cpu"
    import_package(k8_cpu, target, "us")
    return target


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of two forests, of the current scikit-learn."""
    folder = tmp_path_factory.mktemp("source") / "board"
    folder.mkdir()
    for name in ("add", "fc"):
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(forest()))
    (folder / FUSION_RULES).write_text(RULES)
    (folder / "meta.yaml").write_text("name: board\nversion: 1.0\nkernel_predictors: [add, fc]\nunit: mJ\n")
    return folder


def export(tmp_path: Path, architecture: str, channels: int) -> Path:
    """A network's file as nn-Meter's converter can read it: it fails at Constant operators."""
    pytest.importorskip("torch")
    from workflow_lib.export.onnx_files import export_for_detection
    from workflow_lib.spaces.cross.cross_module import to_module

    path = tmp_path / f"{architecture}.onnx"
    export_for_detection(to_module(architecture, channels, 2), channels, 100, path)
    model = onnx.load(path)
    for node in [node for node in model.graph.node if node.op_type == "Constant"]:
        node.attribute[0].t.name = node.output[0]
        model.graph.initializer.append(node.attribute[0].t)
        model.graph.node.remove(node)
    onnx.save(model, path)
    return path


def _expected_architecture(network: dict[str, int]) -> str:
    pool = (network["kernel_size_pool"], network["stride_pool"]) if network["pool"] else None
    sizes = (network[name] for name in ("kernel_size", "stride", "padding"))
    return str(Architecture(*sizes, pool, network["initial_output_feature"]))


def test_the_14_networks_of_k8_cpu(tmp_path: Path, shared: Path, imported: Path) -> None:
    pytest.importorskip("nn_meter")
    folder, predictor = shared / "data" / "nn_meter", read_package(imported)
    networks = json.loads((folder / "k8_cpu_expected.json").read_text())["networks"]
    for network in networks:
        path = export(tmp_path, _expected_architecture(network), network["channels"])
        kernels = detect_kernels(path, folder / "fusion_rules_tflite.json")
        # In the product's networks the shortcut comes before the body; the sum is over the same kernels.
        assert sorted((part.type, list(part.features)) for part in kernels) == sorted(
            (part["kernel"], part["features"]) for part in network["kernels"]
        )
        np.testing.assert_allclose(predictor.predict(kernels).sum() * 1e3, network["latency_ms"], rtol=1e-9)
    assert len(networks) == 14


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning", "ignore:pkg_resources")
@pytest.mark.parametrize("rules", ["fusion_rules_tflite.json", "k8_cpu/fusion_rules.json"])
def test_equal_to_nn_meter_itself(tmp_path: Path, shared: Path, imported: Path, rules: str) -> None:
    """Totals, and every kernel, with plain rules and with the package's own, which fuse nearly everything."""
    pytest.importorskip("nn_meter")
    from nn_meter.predictor.nn_meter_predictor import nnMeterPredictor
    from nn_meter.predictor.prediction import extract_feature
    from nn_meter.predictor.prediction.predict_by_kernel import nn_predict

    extract_feature.logging = logging.getLogger("nn-Meter")  # else it adds a handler to the root logger
    folder = shared / "data" / "nn_meter"
    pickles = {path.stem: pickle.loads(path.read_bytes()) for path in (folder / "k8_cpu").glob("*.pkl")}
    theirs, ours = nnMeterPredictor(pickles, str(folder / rules)), read_package(imported)
    for number, architecture in enumerate(IDS):
        path = export(tmp_path, architecture, 5 + 2 * (number % 2))
        total = theirs.predict(str(path), "onnx")
        parts = [nn_predict(pickles, [part]) for part in theirs.kd.get_kernels()]
        kernels = detect_kernels(path, folder / rules)
        prices = ours.predict(kernels) * 1e3
        np.testing.assert_allclose(prices.sum(), total, rtol=1e-9)
        np.testing.assert_allclose(prices[prices > 0], [part for part in parts if part], rtol=1e-9)


def test_every_kernel_type_asks_the_forest_that_nn_meter_asks() -> None:
    utils = pytest.importorskip("nn_meter.predictor.prediction.utils")
    assert {name: forest_name(name) for name in TYPES} == {name: utils.get_kernel_name(name) for name in TYPES}


def test_units(small: Path, tmp_path: Path) -> None:
    rows = [kernel("add", 0.5, 0.5, 0.5), kernel("fc-relu", 0.1, 0.9, 0.5), kernel("conv", 1)]
    for unit, factor, predicted in (("ms", 1, "ms"), ("us", 1e-3, "ms"), ("mJ", 1, "mJ")):
        import_package(small, tmp_path / unit, unit)
        predictor = read_package(tmp_path / unit)
        expected = forest().predict([part.features for part in rows[:2]]) * factor
        np.testing.assert_allclose(predictor.predict(rows), [*expected, 0], rtol=1e-15)
        assert (predictor.unit, predictor.error_pct, predictor.device) == (predicted, None, "board")
        assert [predictor.covers(part) for part in rows] == [True, True, False]


def test_features_of_another_number_have_no_price(small: Path, tmp_path: Path) -> None:
    import_package(small, tmp_path / "package")
    predictor, odd = read_package(tmp_path / "package"), kernel("add", 1, 2)
    assert predictor.reason(odd) == "a forest of 3 features for a kernel of 2"
    assert not predictor.covers(odd)
    assert predictor.predict([odd]).tolist() == [0]


def test_what_a_package_tells(small: Path, tmp_path: Path) -> None:
    shutil.copytree(small, tmp_path / "source")
    (tmp_path / "source" / "notes.txt").write_text("from the lab")
    import_package(tmp_path / "source", tmp_path / "package", device="bench")
    about = json.loads((tmp_path / "package" / ABOUT).read_text())
    provenance = about.pop("provenance")
    assert about.pop("forests_sha256") == sha256(tmp_path / "package" / FORESTS)
    assert about.pop("rules_sha256") == sha256(tmp_path / "package" / FUSION_RULES)
    assert len(about.pop("sha256")) == 64
    assert about == {"format": 2, "device": "bench", "unit": "mJ", "error_pct": None, "kernels": ["add", "fc"]}
    assert provenance["left_out"] == ["notes.txt"]
    assert provenance["sha256"] == {
        name: sha256(small / name) for name in ("add.pkl", "fc.pkl", FUSION_RULES, "meta.yaml")
    }
    assert (tmp_path / "package" / FUSION_RULES).read_text() == RULES


def test_a_zip_gives_what_its_folder_gives(small: Path, tmp_path: Path) -> None:
    import_package(small, tmp_path / "folder")
    with zipfile.ZipFile(tmp_path / "board.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in small.iterdir():
            archive.write(path, f"board/{path.name}")
    import_package(tmp_path / "board.zip", tmp_path / "zip")
    for name in (FORESTS, FUSION_RULES):
        assert (tmp_path / "zip" / name).read_bytes() == (tmp_path / "folder" / name).read_bytes()


def _zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["../add.pkl", "/tmp/add.pkl", "a/../../add.pkl", "..\\add.pkl", "C:add.pkl"])
def test_a_zip_that_leaves_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    source = _zip(tmp_path / "evil.zip", {name: b"x", FUSION_RULES: RULES.encode()})
    with pytest.raises(UserError, match="contains a path outside its folder"):
        import_package(source, tmp_path / "inner" / "package", "ms")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["evil.zip"]


def test_zips_that_are_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twice = _zip(tmp_path / "twice.zip", {"a/add.pkl": b"x", "b/add.pkl": b"x", FUSION_RULES: b"{}"})
    with pytest.raises(UserError, match="contains a file twice"):
        import_package(twice, tmp_path / "package", "ms")
    many = _zip(tmp_path / "many.zip", {f"{number}.txt": b"" for number in range(201)})
    with pytest.raises(UserError, match="contains 201 files"):
        import_package(many, tmp_path / "package", "ms")
    bomb = _zip(tmp_path / "bomb.zip", {"add.pkl": bytes(10**6), FUSION_RULES: b"{}"})
    with pytest.raises(UserError, match=r"add\.pkl would expand from \d+ to 2097152 bytes"):
        import_package(
            _zip(tmp_path / "zeros.zip", {"add.pkl": bytes(2**21), FUSION_RULES: b"{}"}), tmp_path / "package", "ms"
        )
    monkeypatch.setattr(package_files, "MAX_BYTES", 10**5)
    with pytest.raises(UserError, match="contains a file of 1000000 bytes"):
        import_package(bomb, tmp_path / "package", "ms")
    monkeypatch.setattr(package_files, "_MAX_PACKAGE_BYTES", 10**5)
    with pytest.raises(UserError, match="allowed are 200 files of 100000"):
        import_package(bomb, tmp_path / "package", "ms")


def test_what_file_managers_add_is_passed_over(small: Path, tmp_path: Path) -> None:
    members = {f"board/{path.name}": path.read_bytes() for path in small.iterdir()}
    junk = {f"__MACOSX/board/._{path.name}": b"x" for path in small.iterdir()} | {"board/.DS_Store": b"x"}
    import_package(_zip(tmp_path / "mac.zip", members | junk), tmp_path / "mac")
    import_package(small, tmp_path / "folder")
    assert (tmp_path / "mac" / FORESTS).read_bytes() == (tmp_path / "folder" / FORESTS).read_bytes()


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_damaged_member_is_one_line(small: Path, tmp_path: Path, method: int) -> None:
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w", method) as archive:
        for path in sorted(small.iterdir()):
            archive.write(path, path.name)
        place = archive.getinfo("add.pkl").header_offset + 30 + len("add.pkl")
        packed = archive.getinfo("add.pkl").compress_size
    content = bytearray(whole.read_bytes())
    for number, byte in enumerate(random.Random(7).sample(range(packed), min(packed, 30))):
        damaged = bytearray(content)
        damaged[place + byte] ^= 1 << number % 8
        (tmp_path / "damaged.zip").write_bytes(damaged)
        with pytest.raises(UserError, match=r"damaged\.zip") as caught:
            import_package(tmp_path / "damaged.zip", tmp_path / "package", "ms")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "package").exists()


def test_a_zip_that_lies_about_a_size_is_refused(tmp_path: Path) -> None:
    source = _zip(tmp_path / "lie.zip", {"add.pkl": bytes(10**6), FUSION_RULES: RULES.encode()})
    content = source.read_bytes().replace((10**6).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    source.write_bytes(content)
    with pytest.raises(UserError, match=r"lie\.zip: add\.pkl: damaged"):
        import_package(source, tmp_path / "package", "ms")


def _broken(small: Path, folder: Path, changes: dict[str, bytes | None]) -> Path:
    shutil.copytree(small, folder)
    for name, content in changes.items():
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({FUSION_RULES: None}, "contains no fusion_rules.json"),
        ({FUSION_RULES: b"{"}, "is not JSON"),
        ({FUSION_RULES: b"[" * 100_000}, "is not JSON"),
        ({FUSION_RULES: b"[1]"}, "does not contain nn-Meter's rules"),
        ({FUSION_RULES: b"\xff"}, "not text"),
        ({FUSION_RULES: b" " * 2**21}, "more than 1048576 bytes"),
        ({"meta.yaml": b"a: ["}, "not YAML"),
        ({"meta.yaml": b"!!python/object/apply:os.system [ls]"}, "not YAML"),
        ({"meta.yaml": b"- a"}, "not a YAML mapping"),
        ({"meta.yaml": b"kernel_predictors: 3"}, "not a list"),
        ({"meta.yaml": b"name: a\nname: b\nunit: ms"}, "a key is duplicated"),
        ({"meta.yaml": b"name: {a: 1}\nunit: ms"}, "name is not a short text"),
        ({"meta.yaml": b"a: &a [1]\nb: [*a]\nunit: ms"}, "uses anchors or aliases"),
        ({"meta.yaml": b"a: " + b"[" * 50 + b"]" * 50 + b"\nunit: ms"}, "too long or too deeply nested"),
        ({"meta.yaml": b"a: [" + b"1, " * 20_000 + b"]\nunit: ms"}, "too long or too deeply nested"),
        ({"f c.pkl": b"x"}, "the name of a forest is not plain"),
        ({"meta.yaml": b"unit: s"}, "unit of its predictions is 's'; set it to one of ms, us, mJ"),
        ({"meta.yaml": b"name: x"}, "unit of its predictions is unknown"),
        ({"meta.yaml": None}, "unit of its predictions is unknown"),
        ({"fc.pkl": None}, "lacks forests that its meta.yaml lists: fc"),
        ({"add.pkl": None, "fc.pkl": None}, "contains no forests"),
        ({"fc.pkl": pickle.dumps(Runs(print, "ran"))}, "builtins.print"),
    ],
)
def test_what_is_no_package_is_refused(
    small: Path, tmp_path: Path, changes: dict[str, bytes | None], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = _broken(small, tmp_path / "source", changes)
    with pytest.raises(UserError, match=message) as caught:
        import_package(source, tmp_path / "package")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "package").exists()
    assert capsys.readouterr().out == ""


def test_sources_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder or zip file"):
        import_package(tmp_path / "absent", tmp_path / "package", "ms")
    (tmp_path / "text.zip").write_text("not a zip")
    with pytest.raises(UserError, match="not a readable zip file"):
        import_package(tmp_path / "text.zip", tmp_path / "package", "ms")


def _edit(folder: Path, **values: Any) -> None:
    write_json(folder / ABOUT, read_json(folder / ABOUT) | values)


def test_an_imported_package_that_was_changed_is_refused(small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "package"
    for change, message in (
        (lambda: (folder / FORESTS).write_bytes(b"x"), "not the file that package.json describes"),
        (lambda: _edit(folder, kernels=["add"]), "name different kernels"),
        (lambda: _edit(folder, format=1), "not written by this version"),
        (lambda: _edit(folder, unit="s"), "not written by this version"),
        (lambda: _edit(folder, error_pct="much"), "not written by this version"),
        (lambda: (folder / ABOUT).write_text("{"), "cannot be read"),
        (lambda: (folder / ABOUT).write_text((folder / ABOUT).read_text().replace("board", "broad")), "checksum"),
        (lambda: (folder / ABOUT).unlink(), "not a predictor package"),
    ):
        import_package(small, folder)
        change()
        with pytest.raises(UserError, match=message):
            read_package(folder)


def test_the_addresses_are_nn_meters_own() -> None:
    nn_meter = pytest.importorskip("nn_meter")
    import yaml

    listed = yaml.safe_load((Path(nn_meter.__file__).parent / "configs" / "predictors.yaml").read_text())
    assert {entry["name"]: entry["download"] for entry in listed} == OFFICIAL_PACKAGES


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server on this host, and the folder that it serves."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", folder
        running.shutdown()


def test_a_published_package_is_fetched_once_and_verified_ever_after(
    tmp_path: Path, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, folder = server
    monkeypatch.setitem(official_packages.OFFICIAL_PACKAGES, "adreno640gpu_tflite21", f"{address}/a.zip")
    path, record = tmp_path / "a.zip", tmp_path / "a.zip.sha256"
    with pytest.raises(UserError, match=f"cannot download .*404.*; put the zip at {path}"):
        fetch_package("adreno640gpu_tflite21", path)
    (folder / "a.zip").write_text("an error page")
    with pytest.raises(UserError, match="not a complete zip file"):
        fetch_package("adreno640gpu_tflite21", path)
    assert not path.exists()
    assert not record.exists()
    _zip(folder / "a.zip", {"add.pkl": b"x"})
    fetch_package("adreno640gpu_tflite21", path)
    assert record.read_text() == f"{sha256(folder / 'a.zip')}  a.zip\n"
    (folder / "a.zip").unlink()
    fetch_package("adreno640gpu_tflite21", path)
    _zip(path, {"add.pkl": b"y"})
    with pytest.raises(UserError, match=r"its SHA-256 is .*, but a\.zip\.sha256 says"):
        fetch_package("adreno640gpu_tflite21", path)


def test_a_download_stays_secure() -> None:
    handler, asked = official_packages._HttpsRedirectHandler(), urllib.request.Request("https://a.example/a.zip")
    with pytest.raises(UserError, match=r"redirects to http://b\.example/a\.zip, which is not https"):
        handler.redirect_request(asked, None, 302, "Found", {}, "http://b.example/a.zip")
    with pytest.raises(UserError, match="which is not https"):
        handler.redirect_request(asked, None, 302, "Found", {}, "ftp://b.example/a.zip")
    followed = handler.redirect_request(asked, None, 302, "Found", {}, "https://b.example/a.zip")
    assert followed is not None and followed.full_url == "https://b.example/a.zip"


@pytest.mark.parametrize("trouble", ["slow", "cut off"])
def test_a_download_that_does_not_end_well_leaves_nothing(
    trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte after another passes every time limit of a socket; a connection that ends early is no error to it."""
    monkeypatch.setattr(official_packages, "_DEADLINE_S", 0.5)
    gone = threading.Event()

    class Bad(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"PK\x03\x04")
            while trouble == "slow" and not gone.wait(0.05):
                self.wfile.write(b"x")

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bad) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{running.server_port}/a.zip"
        monkeypatch.setitem(official_packages.OFFICIAL_PACKAGES, "adreno640gpu_tflite21", address)
        message = {"slow": r"the download did not finish within 0\.5 s", "cut off": "only 4 of 1000 bytes"}[trouble]
        with pytest.raises(UserError, match=message):
            fetch_package("adreno640gpu_tflite21", tmp_path / "a.zip")
        gone.set()
        running.shutdown()
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_one_line_says_where_to_put_the_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("urllib.request.OpenerDirector.open", refuse)
    path = tmp_path / "a.zip"
    with pytest.raises(UserError) as caught:
        fetch_package("cortexA76cpu_tflite21", path)
    assert f"put the zip at {path}" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="published no package for 'phone'"):
        fetch_package("phone", path)


def test_a_forest_predictor_of_nothing_predicts_nothing() -> None:
    assert ForestPredictor("board", "ms", {}).predict([]).shape == (0,)
