import numpy as np
import pytest
import torch

from sknemg.nn import NEMGNet
from sknemg.nn.nemgnet import STEM_CHUNK, Statistics, length_after_blocks


def n_elements(module):
    return sum(tensor.numel() for tensor in module.state_dict().values())


def small(seed=0, **kwargs):
    torch.manual_seed(seed)
    return NEMGNet(**{"n_outputs": 3, "n_times": 1100, "width": 4, "version": "B"} | kwargs)


def test_version_b_has_the_published_number_of_elements():
    assert n_elements(NEMGNet(n_outputs=3, n_times=4000, version="B")) == 33_238_686


def test_version_b_has_3072_features_before_the_first_linear_layer():
    assert NEMGNet(n_outputs=3).head[2].in_features == 3 * 1024


@pytest.mark.parametrize(("version", "n_residual"), [("A", 0), ("B", 2), ("C", 4), ("D", 6)])
def test_versions_differ_in_residual_blocks_only(version, n_residual):
    network = small(version=version)
    names = [name for name, _ in network.blocks.named_children()]
    assert names == [f"block{i}" for i in range(1, 13)]
    for i in (4, 6, 8, 10, 12):
        assert len(network.blocks[i - 1]) == n_residual
    assert network(torch.randn(2, 1, 1100)).shape == (2, 3)


def test_residual_block_adds_its_input_before_the_relu():
    block = small().blocks[3][0].eval()
    x = torch.randn(2, 4, 30)
    np.testing.assert_array_equal(block(x).detach(), torch.clamp(block.body(x) + x, min=0).detach())


@pytest.mark.parametrize("n_times", [1003, 1004, 1999, 4000, 4001, 8000])
def test_predicted_length_is_the_length_of_the_last_block(n_times):
    network = small(n_times=n_times, version="A").eval()
    out = network.blocks(torch.randn(1, 1, n_times))
    assert out.shape == (1, 64, length_after_blocks(n_times))


def test_short_segment_names_the_least_length_in_samples_and_seconds():
    with pytest.raises(ValueError, match=r"1002 samples is too short.*at least 1003 samples"):
        NEMGNet(n_outputs=3, n_times=1002)
    with pytest.raises(ValueError, match=r"0\.1003 s at 10000 Hz"):
        NEMGNet(n_outputs=3, n_times=500, sfreq=10_000)


@pytest.mark.parametrize("wrong", [{"version": "E"}, {"activation": "tanh"}, {"head": "max"}])
def test_unknown_choice_is_refused_with_the_choices(wrong):
    with pytest.raises(ValueError, match="is unknown: choose one of"):
        small(**wrong)


def test_wrong_input_shape_is_refused():
    with pytest.raises(ValueError, match=r"give segments of shape \(n, 1, 1100\)"):
        small()(torch.zeros(2, 1100))


def assert_same(actual, plain):
    """Bits are promised in one thread; several share a batch out by its size."""
    if torch.get_num_threads() == 1:
        assert torch.equal(actual, plain)
    torch.testing.assert_close(actual, plain, rtol=0, atol=1e-6)


@pytest.mark.parametrize("width", [2, 8])
@pytest.mark.parametrize("n", [1, 15, 16, 17, 18, 31, 33, 48, 49, 53])  # chunks hold up to 16
def test_chunked_stem_gives_the_bits_of_the_plain_pass(n, width):
    network = small(width=width).eval()
    x = torch.randn(n, 1, 1100)
    with torch.inference_mode():
        assert_same(network(x), network.head(network.blocks(x)))


@pytest.mark.parametrize("n", [1, 17, 33, 48])
def test_chunked_stem_gives_the_bits_of_the_plain_pass_when_companded_and_pooled(n):
    network = small(companding=0.05, head="pooled").eval()
    x = torch.randn(n, 1, 1100)
    with torch.inference_mode():
        assert_same(network(x), network.head(network.blocks(torch.asinh(x / 0.05))))


@pytest.mark.parametrize("scale", [0, -0.05, float("inf"), float("nan")])
def test_a_scale_that_cannot_compand_is_refused(scale):
    with pytest.raises(ValueError, match=r"companding=.* must be a scale > 0 in mV, or None"):
        small(companding=scale)


def test_companding_adds_no_weights_and_the_pooled_head_does_not_grow_with_the_segment():
    assert n_elements(small(companding=0.05)) == n_elements(small())
    short, long = (small(head="pooled", n_times=n) for n in (1100, 9000))
    assert n_elements(short) == n_elements(long)
    assert long.head[2].in_features == 4 * 16 * 4
    assert long.eval()(torch.randn(2, 1, 9000)).shape == (2, 3)


def test_pooled_statistics_do_not_depend_on_when_something_happens():
    x = torch.relu(torch.randn(2, 3, 50))
    pooled = Statistics()(x)
    np.testing.assert_allclose(Statistics()(x.roll(11, dims=2)), pooled, rtol=1e-5)
    mean, peak, deviation, share = pooled.reshape(2, 4, 3).unbind(1)
    np.testing.assert_allclose(mean, x.mean(2), rtol=1e-6)
    np.testing.assert_array_equal(peak, x.numpy().max(2))
    np.testing.assert_allclose(deviation, x.numpy().std(2), rtol=1e-4)
    active = Statistics()(100 * x).reshape(2, 4, 3)[:, 3]
    np.testing.assert_allclose(active, (x > 0).float().mean(2), atol=0.02)
    assert bool((share < active).all())


@pytest.mark.parametrize("head", ["flat", "pooled"])
def test_silence_has_finite_gradients(head):
    network = small(companding=0.05, head=head).train()
    x = torch.zeros(4, 1, 1100, requires_grad=True)
    network(x).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert bool(x.grad.isfinite().all())


def test_training_normalises_over_the_whole_batch():
    network = small().train()
    x = torch.randn(2 * STEM_CHUNK, 1, 1100)
    network(x)
    assert int(network.blocks[0][1].num_batches_tracked) == 1


def test_gradient_reaches_the_input_in_evaluation_mode():
    x = torch.randn(STEM_CHUNK + 3, 1, 1100, requires_grad=True)
    small().eval()(x)[:, 0].sum().backward()
    assert bool((x.grad.abs().sum(dim=(1, 2)) > 0).all())


def test_activation_and_dropout_reach_the_head_alone():
    network = small(activation="leaky_relu", dropout=0.5)
    assert sum(isinstance(m, torch.nn.LeakyReLU) for m in network.head) == 4
    assert not any(isinstance(m, torch.nn.LeakyReLU) for m in network.blocks.modules())
    assert all(m.p == 0.5 for m in network.head if isinstance(m, torch.nn.Dropout))
    assert n_elements(network) == n_elements(small())


def test_several_channels():
    assert small(n_chans=2)(torch.randn(3, 2, 1100)).shape == (3, 3)
