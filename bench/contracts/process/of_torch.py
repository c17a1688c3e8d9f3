"""The switches and the generator of PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.utils.deterministic as _deterministic_module
from torch.autograd import forward_ad
from torch.nn.modules import module as torch_module
from torch.overrides import _get_current_function_mode_stack
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from bench.contracts.process.switch import Switch

_fill: Any = _deterministic_module  # its switch is a property of the module, unknown to mypy
_autograd: Any = torch._C._autograd


def _backends() -> tuple[Any, ...]:
    """The switches of cuDNN, cuBLAS, oneDNN, NNPACK and of attention."""
    cuda, cudnn = torch.backends.cuda, torch.backends.cudnn
    attention = (
        cuda.flash_sdp_enabled(),
        cuda.mem_efficient_sdp_enabled(),
        cuda.math_sdp_enabled(),
        cuda.cudnn_sdp_enabled(),
    )
    return (
        *(cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.benchmark_limit),
        *(cudnn.allow_tf32, torch.backends.mkldnn.enabled, torch._C._get_nnpack_enabled()),
        cuda.matmul.allow_fp16_reduced_precision_reduction,
        cuda.matmul.allow_bf16_reduced_precision_reduction,
        torch.get_float32_matmul_precision(),
        torch.backends.opt_einsum.enabled,
        attention,
    )


def _restore_backends(values: tuple[Any, ...]) -> None:
    cudnn = torch.backends.cudnn
    cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.benchmark_limit = values[:4]
    cudnn.allow_tf32 = values[4]
    torch.set_float32_matmul_precision(values[9])


def _flushes_denormals() -> bool:
    return not (torch.tensor([2.0**-1060], dtype=torch.float64) * 0.5).any()


def _deterministic() -> tuple[bool, bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        _fill.fill_uninitialized_memory,
    )


def _set_deterministic(values: tuple[bool, bool, bool]) -> None:
    torch.use_deterministic_algorithms(values[0], warn_only=values[1])
    _fill.fill_uninitialized_memory = values[2]


def _autocast() -> tuple[Any, ...]:
    devices = ("cpu", "cuda")
    states = ((torch.is_autocast_enabled(d), torch.get_autocast_dtype(d)) for d in devices)
    return (*states, torch.is_autocast_cache_enabled())


def _set_autocast(values: tuple[Any, ...]) -> None:
    for device, (enabled, dtype) in zip(("cpu", "cuda"), values[:2], strict=True):
        torch.set_autocast_enabled(device, enabled)
        torch.set_autocast_dtype(device, dtype)


def _modes() -> tuple[Any, ...]:
    """Whatever is entered and has to be left: modes, levels of differentiation, hooks."""
    return (
        tuple(map(id, _get_current_dispatch_mode_stack())),
        tuple(map(id, _get_current_function_mode_stack())),
        forward_ad._current_level,
        torch._C._functorch.maybe_current_level(),
        _autograd._saved_tensors_hooks_is_enabled(),
        repr(_autograd._top_saved_tensors_default_hooks(True)),
        torch.is_inference_mode_enabled(),
    )


def _global_hooks() -> dict[str, Any]:
    named = {n: v for n, v in vars(torch_module).items() if n.startswith("_global_")}
    return {name: dict(v) if hasattr(v, "keys") else v for name, v in named.items()}


def _restore_global_hooks(before: dict[str, Any]) -> None:
    for name, value in before.items():
        held = getattr(torch_module, name)
        if hasattr(held, "keys"):
            held.clear()
            held.update(value)
        else:
            setattr(torch_module, name, value)


def _torch_generator() -> tuple[Any, ...]:
    state = [torch.get_rng_state()]
    if torch.cuda.is_initialized():
        state += torch.cuda.get_rng_state_all()
    return tuple(bytes(each.numpy()) for each in state)


def _set_torch_generator(values: tuple[bytes, ...]) -> None:
    states = [torch.frombuffer(bytearray(each), dtype=torch.uint8) for each in values]
    torch.set_rng_state(states[0])
    if len(states) > 1:
        torch.cuda.set_rng_state_all(states[1:])


TORCH_SWITCHES = (
    Switch("default dtype", torch.get_default_dtype, torch.set_default_dtype),
    Switch("default device", torch.get_default_device, torch.set_default_device),
    Switch("number of threads", torch.get_num_threads, torch.set_num_threads),
    Switch("gradients enabled", torch.is_grad_enabled, torch._C._set_grad_enabled),
    Switch(
        "anomaly detection",
        lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
        lambda values: torch.set_anomaly_enabled(*values),
    ),
    Switch(
        "multithreading of autograd",
        torch._C._is_multithreading_enabled,
        torch._C._set_multithreading_enabled,
    ),
    Switch("deterministic algorithms", _deterministic, _set_deterministic),
    Switch("backends of PyTorch", _backends, _restore_backends),
    Switch("flushing of denormals", _flushes_denormals, torch.set_flush_denormal),
    Switch("autocast", _autocast, _set_autocast),
    Switch("modes of PyTorch", _modes),
    Switch("hooks of all modules", _global_hooks, _restore_global_hooks),
    Switch("print options of PyTorch", lambda: repr(torch._tensor_str.PRINT_OPTS)),
    Switch("warnings of PyTorch", torch.is_warn_always_enabled, torch.set_warn_always),
    Switch("PyTorch's generator", _torch_generator, _set_torch_generator),
)
