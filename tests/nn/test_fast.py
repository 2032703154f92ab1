"""nEMGNet rebuilt for prediction, against the network that it was made of."""

import copy
import platform

import pytest
import torch

from sknemg.nn import FastNEMGNet, NEMGNet
from sknemg.nn.fast import DenseConv, PatchConv, computes_in_bfloat16


def signals(n, network):
    """Noise of very different loudness, and a cohort's offset."""
    loudness = torch.logspace(-2, 1, n)[:, None, None]
    return loudness * torch.randn(n, network.n_chans, network.n_times) + 0.1


def made(**kwargs):
    """A network whose normalisation has seen signals and has weights of its own."""
    torch.manual_seed(0)
    network = NEMGNet(**{"n_outputs": 3, "n_times": 1100, "width": 4, "version": "B"} | kwargs)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm1d):
            part.momentum = None  # what one batch shows
            torch.nn.init.uniform_(part.weight, 0.5, 1.5)
            torch.nn.init.normal_(part.bias)
        elif isinstance(part, torch.nn.Linear):
            torch.nn.init.kaiming_normal_(part.weight)
    network.train()(signals(16, network))
    network.eval()
    with torch.no_grad():  # answers of a trained network: neither thirds nor certainties
        last = network.head[-1]
        size = 3 / network(signals(16, network)).std()
        last.weight.mul_(size)
        last.bias.mul_(size)
    return network


def assert_as_exact(network, n=19):
    """Against double precision, the rebuilt network errs no more than the network does."""
    x = signals(n, network)
    with torch.inference_mode():
        plain, fast = network(x), FastNEMGNet(network)(x)
        exact = copy.deepcopy(network).double()(x.double())
    assert fast.shape == plain.shape
    assert exact.std() > 1  # the network does answer its input
    allowed = 4 * (plain - exact).abs().max() + 1e-6 * exact.abs().max()
    assert (fast - exact).abs().max() < min(allowed, 1e-2)


@pytest.mark.parametrize("version", "ABCD")
def test_the_rebuilt_network_gives_the_answers_of_the_network(version):
    assert_as_exact(made(version=version))


def test_options_of_the_network():
    assert_as_exact(made(head="pooled", companding=0.05, n_chans=2, activation="leaky_relu"))


@pytest.mark.parametrize("n_times", [1003, 4000, 5500, 13_000])
def test_maps_of_every_length(n_times):  # of 1, 3, 5 and 12 values at the end
    assert_as_exact(made(n_times=n_times, width=2))


def kinds(network):
    return {type(part) for part in FastNEMGNet(network).modules()}


def test_short_maps_are_products_and_nothing_is_normalised():
    assert {DenseConv, PatchConv} <= kinds(made(n_times=4000))
    assert torch.nn.BatchNorm1d not in kinds(made())
    assert DenseConv not in kinds(made(n_times=13_000))


def test_the_network_is_left_as_it_is_and_shares_nothing():
    network = made(companding=0.05).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    fast = FastNEMGNet(network)
    assert all(part.training for part in network.modules())
    own = {parameter.data_ptr() for parameter in fast.parameters()}
    assert not own & {parameter.data_ptr() for parameter in network.parameters()}
    for parameter in fast.parameters():
        parameter.fill_(9)
    assert all(torch.equal(before[name], kept) for name, kept in network.state_dict().items())


def test_the_size_of_a_batch_does_not_matter_and_none_is_none():
    network = made()
    fast, x = FastNEMGNet(network), signals(17, network)
    with torch.inference_mode():
        parts = torch.cat([fast(x[:1]), fast(x[1:])])
        assert (parts - fast(x)).abs().max() < 1e-3
        assert fast(x[:0]).shape == (0, 3)


def test_weights_that_cannot_be_folded_are_refused():
    network = made()
    network.blocks.block1[1].weight.data.fill_(1e38)
    network.blocks.block1[1].running_var.fill_(1e-3)
    with pytest.raises(ValueError, match=r"not finite in float32: set fast=False"):
        FastNEMGNet(network)


def test_segments_of_another_shape_are_refused_as_by_the_network():
    network = NEMGNet(n_outputs=3, n_times=1100, width=2, version="A").eval()
    for shape in [(2, 1, 1150), (2, 1, 1003), (2, 2, 1100), (2, 1100)]:
        with pytest.raises(ValueError) as plain:
            network(torch.zeros(shape))
        with pytest.raises(ValueError) as fast:
            FastNEMGNet(network)(torch.zeros(shape))
        assert str(fast.value) == str(plain.value)


def test_another_network_is_refused():
    class Own(NEMGNet):
        pass

    with pytest.raises(TypeError, match="Own, of which no faster form is known: set fast=False"):
        FastNEMGNet(Own(n_outputs=2))


def test_the_processor_is_asked_for_bfloat16(monkeypatch):
    cpu = torch.device("cpu")
    for answer in (True, False):
        monkeypatch.setattr(platform, "machine", lambda: "x86_64")
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda answer=answer: answer)
        assert computes_in_bfloat16(cpu) is answer
    for found in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda found=found, **_: found)
        assert computes_in_bfloat16(torch.device("cuda")) is found


def test_a_processor_for_which_torch_has_no_onednn_computes_nothing_in_bfloat16(monkeypatch):
    class Ops:
        def __getattr__(self, name):
            raise AttributeError(f"'_OpNamespace' 'mkldnn' object has no attribute {name!r}")

    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    monkeypatch.setattr(torch.ops, "mkldnn", Ops())
    assert computes_in_bfloat16(torch.device("cpu")) is False


def test_a_cpu_multiplies_by_the_library_of_its_convolutions():
    if not torch.backends.mkldnn.is_available():
        pytest.skip("torch is built without oneDNN")
    fast, x = FastNEMGNet(made(n_times=4000)), torch.randn(3, 1, 4000)
    n_products = sum(isinstance(part, (DenseConv, PatchConv)) for part in fast.modules())
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.inference_mode(), torch.profiler.profile(activities=activities) as profile:
        fast(x)
    calls = {event.key: event.count for event in profile.key_averages()}
    assert calls["mkldnn::_linear_pointwise"] == n_products > 5


def test_without_that_library_the_answers_are_the_same(monkeypatch):
    network = made(n_times=4000)
    x, fast = signals(5, network), FastNEMGNet(network)
    with torch.inference_mode():
        usual = fast(x)
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
        monkeypatch.setattr(torch.ops, "mkldnn", None)
        torch.testing.assert_close(fast(x), usual, rtol=1e-4, atol=1e-4)


def apart(one, other):
    one, other = one.detach().float(), other.detach().float()
    return float((one - other).norm() / other.norm())


def test_under_autocast_it_computes_as_the_network_does():
    network = made(n_times=4000)
    x, fast = signals(5, network), FastNEMGNet(network)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        found = fast(x)
    with torch.inference_mode():
        assert 1e-5 < apart(found, network(x)) < 0.15


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of torch, where its own parts call others
def test_it_has_directional_derivatives():
    network = made(n_times=4000)
    x = signals(5, network)
    slopes = [torch.func.jvp(part, (x,), (x,))[1] for part in (network, FastNEMGNet(network))]
    assert apart(*slopes) < 0.1


@pytest.mark.filterwarnings("ignore:.torch.jit.trace:Warning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_it_can_be_traced():
    network = made(n_times=4000)
    x, fast = signals(5, network), FastNEMGNet(network)
    with torch.no_grad():
        assert apart(torch.jit.trace(fast, x)(x), fast(x)) < 1e-5


def test_where_the_processor_cannot_multiply_in_bfloat16_torch_does(monkeypatch):
    network = made(n_times=4000)
    x, fast = signals(5, network), FastNEMGNet(network, torch.bfloat16)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", None)
    with torch.inference_mode():
        assert 1e-5 < apart(fast(x), network(x)) < 0.15


def test_it_has_the_slopes_of_the_network():
    network = made(n_times=4000)
    slopes, rows = [], signals(19, network)
    for part in (network, FastNEMGNet(network)):
        x = rows.clone().requires_grad_()
        part(x).square().sum().backward()
        slopes.append(x.grad.flatten())
    # A value that is rounded to the other side of a ReLU changes slopes here and there.
    assert torch.nn.functional.cosine_similarity(*slopes, dim=0) > 0.999


def test_double_precision_is_kept():
    network = made(n_times=4000)
    x, exact = signals(5, network).double(), copy.deepcopy(network).double()
    with torch.inference_mode():
        fast = FastNEMGNet(exact, torch.float64)(x)
        torch.testing.assert_close(fast, exact(x), rtol=1e-9, atol=1e-9)


@pytest.mark.gpu
def test_on_a_gpu():
    torch.backends.cudnn.allow_tf32 = False
    network = made(n_times=4000).cuda()
    x = torch.randn(19, 1, 4000, device="cuda")
    with torch.inference_mode():
        torch.testing.assert_close(FastNEMGNet(network)(x), network(x), rtol=0, atol=1e-4)
