"""nEMGNet rebuilt for prediction: batch normalisation folded, short convolutions as products."""

import copy
import platform

import torch
from torch import Tensor, nn

from sknemg.nn.nemgnet import STEM_CHUNK, NEMGNet, Residual, SpatialReduction, check_shape

#: Longest map whose convolutions become one matrix from all values to all values. A kernel of five
#: reaches beyond both ends of a map of three: six of its fifteen products are with zeros.
DENSE = 4
#: Longest map whose patches of five values are laid out and multiplied together.
PATCHES = 8


def product(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Give what a linear layer gives, on a CPU by the library of its convolutions.

    What torch multiplies by otherwise, MKL, has no instructions of 512 bits for processors but
    Intel's, and is half as fast as oneDNN on AMD's that have them.

    Parameters
    ----------
    x : Tensor of shape (..., n_in)
    weight : Tensor of shape (n_out, n_in)
    bias : Tensor of shape (n_out,)

    Returns
    -------
    Tensor of shape (..., n_out)

    Examples
    --------
    >>> product(torch.ones(1, 2), torch.tensor([[1.0, 2.0]]), torch.tensor([3.0]))
    tensor([[6.]])
    """
    if not _by_onednn(x):
        return nn.functional.linear(x, weight, bias)
    y: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return y


def _by_onednn(x: Tensor) -> bool:
    """Tell whether oneDNN's operator multiplies, which is made for plain prediction alone.

    It has no slope, autocast and what traces or compiles a network do not know it, and where the
    processor lacks the instructions it does not convert. Where torch is built without oneDNN, as on
    a Mac, there is none.
    """
    plain = not (
        torch.is_grad_enabled()
        or torch.is_autocast_enabled("cpu")
        or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        or torch.compiler.is_compiling()
    )
    if x.device.type != "cpu" or not plain or not _has_onednn():
        return False
    return x.dtype == torch.float32 or (
        x.dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    )


class DenseConv(nn.Module):
    """A convolution of stride 1 over a map of known length, written out as one matrix.

    Parameters
    ----------
    conv : Conv1d
        Padded by half its kernel.
    n_times : int
        Values of a channel.

    Examples
    --------
    >>> conv = nn.Conv1d(2, 3, 5, padding=2)
    >>> x = torch.randn(4, 2, 3)
    >>> bool(torch.allclose(DenseConv(conv, 3)(x), conv(x), atol=1e-6))
    True
    """

    def __init__(self, conv: nn.Conv1d, n_times: int) -> None:
        super().__init__()
        n_out, n_in, kernel = conv.weight.shape
        weight = conv.weight.new_zeros(n_out, n_times, n_in, n_times)
        for end in range(n_times):
            for start in range(n_times):
                tap = start - end + kernel // 2
                if 0 <= tap < kernel:
                    weight[:, end, :, start] = conv.weight[:, :, tap].detach()
        self.weight = nn.Parameter(weight.reshape(n_out * n_times, n_in * n_times))
        self.bias = nn.Parameter(_bias(conv).repeat_interleave(n_times))
        self.shape = n_out, n_times

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_in, n_times) to (n, n_out, n_times)."""
        y = product(x.flatten(1), self.weight, self.bias)
        return y.reshape(len(y), *self.shape)


class PatchConv(nn.Module):
    """A convolution of stride 1 as a product of all its patches with its weights.

    Parameters
    ----------
    conv : Conv1d
        Padded by half its kernel, which is odd.

    Examples
    --------
    >>> conv = nn.Conv1d(2, 3, 5, padding=2)
    >>> x = torch.randn(4, 2, 7)
    >>> bool(torch.allclose(PatchConv(conv)(x), conv(x), atol=1e-6))
    True
    """

    def __init__(self, conv: nn.Conv1d) -> None:
        super().__init__()
        self.kernel = conv.weight.shape[2]
        self.weight = nn.Parameter(conv.weight.detach().flatten(1))
        self.bias = nn.Parameter(_bias(conv))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_in, n_times) to (n, n_out, n_times)."""
        half = self.kernel // 2
        patches = nn.functional.pad(x, (half, half)).unfold(2, self.kernel, 1).transpose(1, 2)
        y = product(patches.flatten(2), self.weight, self.bias)
        return y.transpose(1, 2)


class _Reduction(nn.Module):
    """Convolution, max-pooling and then ReLU, which gives what ReLU and then pooling give."""

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.max_pool1d(self.conv(x), 2).relu_()


class _Residual(nn.Module):
    """Two convolutions around which the input is added, then ReLU, in place."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu_()).add_(x).relu_()


class FastNEMGNet(nn.Module):
    """nEMGNet for prediction alone, with the weights that it has when this is made.

    Batch normalisation is folded into the convolutions before it, in double precision. ReLU comes
    after pooling, on half the values. Convolutions of maps of at most eight values, whose weights
    are many and whose positions are few, are matrix products; of at most four values they are dense
    layers, which leave out the products with the zeros of the padding.

    Parameters
    ----------
    network : NEMGNet
        Left as it is.
    dtype : torch.dtype, default=torch.float32
        Type of weights and maps. The signal is companded in the type that it comes in.

    Raises
    ------
    TypeError
        If the network is another one.
    ValueError
        If folded weights are too large for the type.

    Examples
    --------
    >>> from sknemg import NEMGNet
    >>> from sknemg.nn import FastNEMGNet
    >>> network = NEMGNet(n_outputs=3, n_times=2000, version="B", width=8).eval()
    >>> x = torch.randn(5, 1, 2000)
    >>> with torch.inference_mode():
    ...     bool(torch.allclose(FastNEMGNet(network)(x), network(x), atol=1e-5))
    True
    """

    def __init__(self, network: NEMGNet, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        if type(network) is not NEMGNet:
            raise TypeError(
                f"The network is a {type(network).__name__}, of which no faster form is known: set "
                "fast=False."
            )
        self.n_chans, self.n_times = network.n_chans, network.n_times
        self.companding = copy.deepcopy(network.companding)
        self.dtype = dtype
        n_times = network.n_times
        blocks: list[nn.Module] = []
        for block in network.blocks:
            if isinstance(block, SpatialReduction):
                conv = _folded(block[0], block[1])
                stride = conv.stride[0]
                blocks.append(_Reduction(conv if stride > 1 else _short(conv, n_times)))
                n_times = ((n_times - 1) // stride + 1) // 2
            else:
                parts = [_residual(part, n_times) for part in block.children()]
                blocks.append(nn.Sequential(*parts))
        self.stem, self.stages = nn.Sequential(*blocks[:3]), nn.Sequential(*blocks[3:])
        self.head = copy.deepcopy(network.head)
        self.to(dtype).eval().requires_grad_(False)
        if not all(parameter.isfinite().all() for parameter in self.parameters()):
            raise ValueError(
                "Batch normalisation folded into the convolutions gives weights that are not "
                f"finite in {str(dtype).removeprefix('torch.')}: set fast=False."
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map segments (n_segments, n_chans, n_times) to logits (n_segments, n_outputs)."""
        check_shape(x, self.n_chans, self.n_times)
        x = self.companding(x).to(self.dtype)
        chunks = torch.tensor_split(x, max(1, -(-len(x) // STEM_CHUNK)))
        return self.head(self.stages(torch.cat([self.stem(chunk) for chunk in chunks])))


def computes_in_bfloat16(device: torch.device) -> bool:
    """Tell whether a device has instructions for products in bfloat16.

    Parameters
    ----------
    device : torch.device
        A CPU, or a CUDA device.

    Returns
    -------
    bool
        Elsewhere torch computes them too, by way of float32, which takes longer than float32.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if platform.machine().lower() in ("x86_64", "amd64"):
        # oneDNN itself also says yes to AVX-512 alone, where it converts.
        return torch.cpu._is_avx512_bf16_supported()
    return _has_onednn() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _has_onednn() -> bool:
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def _bias(conv: nn.Conv1d) -> Tensor:
    return conv.weight.new_zeros(len(conv.weight)) if conv.bias is None else conv.bias.detach()


@torch.no_grad()
def _folded(conv: nn.Module, norm: nn.Module) -> nn.Conv1d:
    """Give a convolution that does what this one and the normalisation behind it do."""
    assert isinstance(conv, nn.Conv1d) and isinstance(norm, nn.BatchNorm1d)
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None
    one = copy.deepcopy(conv)
    scale = norm.weight.double() / (variance.double() + norm.eps).sqrt()
    one.weight.copy_(conv.weight.double() * scale[:, None, None])
    assert one.bias is not None
    one.bias.copy_((_bias(conv).double() - mean.double()) * scale + norm.bias.double())
    return one


def _short(conv: nn.Conv1d, n_times: int) -> nn.Module:
    """Give the form of a convolution that suits a map of this length."""
    if n_times <= DENSE:
        return DenseConv(conv, n_times)
    return PatchConv(conv) if n_times <= PATCHES else conv


def _residual(block: nn.Module, n_times: int) -> nn.Module:
    assert isinstance(block, Residual)
    body = block.body
    pairs = (body[0], body[1]), (body[3], body[4])
    return _Residual(*(_short(_folded(conv, norm), n_times) for conv, norm in pairs))
