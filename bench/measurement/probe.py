"""What this machine computes, to the last bit: processors of one name may round differently."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

GOLDEN = 0.6180339887498949  # its multiples, modulo 1, spread evenly

Results = Iterator[Tensor]


@torch.enable_grad()
def numerical_probe(device: str) -> dict[str, str]:
    """8 hexadecimal digits of the bits of each of a few fixed computations in single precision.

    They are of the kinds that runs make, take some milliseconds, and draw from no generator. ""
    stands for what this build of PyTorch cannot compute. On a GPU the algorithms are the
    deterministic ones.
    """
    with torch.backends.cudnn.flags(enabled=True, deterministic=True):
        return {name: _digest(compute, device) for name, compute in COMPUTATIONS.items()}


def _digest(compute: Callable[[str], Results], device: str) -> str:
    try:
        bits = b"".join(each.detach().cpu().numpy().tobytes() for each in compute(device))
    except RuntimeError:
        return ""
    return hashlib.sha256(bits).hexdigest()[:8]


def numbers(device: str, *shape: int) -> Tensor:
    """Numbers of this shape from -1/2 to 1/2: the same on every machine."""
    # IEEE 754 defines a product and a remainder to the last bit.
    multiples = torch.arange(math.prod(shape), dtype=torch.float64) * GOLDEN
    return (multiples.fmod(1) - 0.5).reshape(shape).to(device, torch.float32)


def _convolution(device: str) -> Results:
    image = numbers(device, 2, 4, 16, 16).requires_grad_()
    filters = numbers(device, 8, 4, 3, 3).requires_grad_()
    result = torch.nn.functional.conv2d(image, filters, padding=1)
    yield result
    yield from torch.autograd.grad(result.square().sum(), (image, filters))


def _product(device: str) -> Results:
    yield numbers(device, 64, 48) @ numbers(device, 48, 64)


def _fourier(device: str) -> Results:
    spectrum = torch.fft.rfft2(numbers(device, 2, 1, 32, 32))
    yield spectrum
    yield torch.fft.irfft2(spectrum * spectrum)


def _reductions(device: str) -> Results:
    values = numbers(device, 10_000)
    yield values.sum()
    yield torch.linalg.vector_norm(values)


def _functions(device: str) -> Results:
    positive = numbers(device, 1000) + 1
    yield from (positive.exp(), positive.log(), positive.sqrt())


def _solve(device: str) -> Results:
    """As Anderson acceleration and GMRES solve, one small system for each sample."""
    diagonal = 3 * torch.eye(6, device=device)
    yield torch.linalg.solve(numbers(device, 4, 6, 6) + diagonal, numbers(device, 4, 6, 1))


COMPUTATIONS: dict[str, Callable[[str], Results]] = {
    "convolution": _convolution,
    "product": _product,
    "fourier": _fourier,
    "reductions": _reductions,
    "functions": _functions,
    "solve": _solve,
}
