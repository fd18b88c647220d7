"""Nets that others trained: their weights from files, the way of images into them, and their encoders."""

from __future__ import annotations

import io
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
import torchvision

from lse.platform.errors import DataLossError, InvalidArgumentError, UnavailableError
from lse.training.encoders.pretrained import PretrainedEncoder, PretrainedNet, fetch_weights, find_net, load_encoder
from lse.training.encoders.weights import read_weights
from lse.training.onnx_files import check_onnx_encoder, export_onnx

sys.path.insert(0, str(Path(__file__).parent))
import training_setup as setup

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
    assert caught.value.reason == "UNKNOWN_PRETRAINED_NET"


def test_without_a_network_a_file_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))  # where nothing was fetched before
    # A port of this machine on which nothing listens: the same whether the machine has a network or not.
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for variable in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    for net in (RESNET, PretrainedNet("timm", "resnet10t.c3_in1k")):
        with pytest.raises(UnavailableError, match=r"cannot be fetched .*: give a file of weights") as caught:
            fetch_weights(net)
        assert "\n" not in caught.value.message
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
