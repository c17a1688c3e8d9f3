"""Recorded applications of T whose intermediate tensors are computed again, not stored.

PyTorch stores with each node of its graph the tensors that the derivative of the node needs. Here
they are dropped as they come, and computed again when the backward pass asks for the first one.
The graph itself stays, so that gradients, of any order and with respect to anything, are those of
an ordinary recording. `torch.utils.checkpoint` does the same for a function of stored arguments;
it neither hands the recomputed value on, from which `reversible` goes on to the point before, nor
computes an application to its end, so that one would be counted that is not made.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

Result = TypeVar("Result")
Saved = list[Tensor]


class Recomputation:
    """The pieces of one forward pass whose intermediate tensors are dropped.

    At most one piece at a time has them back, whatever the order in which they are asked for.
    """

    def __init__(self) -> None:
        self._holder: Callable[[], _Piece | None] = lambda: None

    def record(self, compute: Callable[[], Result], again: Callable[[], object]) -> Result:
        """compute(), recorded; `again` repeats its operations in the backward pass.

        It has to apply the same operations to tensors with the same `requires_grad`. A
        RuntimeError is raised if it does not, or if what T depends on was changed in between.
        """
        piece = _Piece(again, self)
        with saved_tensors_hooks(piece.drop, piece.restore):
            return compute()

    def give_to(self, piece: _Piece) -> None:
        """Take the tensors from the piece that has them, before `piece` computes its own."""
        if (holder := self._holder()) is not None:
            holder.tensors = []
        self._holder = weakref.ref(piece)  # a strong one would be a cycle


class _Piece:
    """One recorded piece; versions: of each dropped tensor, how often it was written to."""

    def __init__(self, again: Callable[[], object], owner: Recomputation) -> None:
        self._again, self._owner = again, owner
        self._versions: list[int] = []
        self.tensors: Saved = []

    def drop(self, tensor: Tensor) -> int:
        """Keep the position of a tensor, not the tensor."""
        self._versions.append(tensor._version)
        return len(self._versions) - 1

    def restore(self, position: int) -> Tensor:
        """The tensor at that position, computed again with all others if they are not here."""
        if not self.tensors:
            self._owner.give_to(self)
            self.tensors = _saved_by(self._again)
            if [tensor._version for tensor in self.tensors] != self._versions:
                raise RuntimeError(
                    "the recomputation of T differs from its first computation: what T depends on "
                    "was changed in place before the backward pass, or T is no fixed function"
                )
        return self.tensors[position]


def _saved_by(again: Callable[[], object]) -> Saved:
    """What the graph of again() saves, each without its own graph."""
    saved: Saved = []

    def keep(tensor: Tensor) -> Tensor:
        saved.append(tensor.detach())
        return saved[-1]  # a node that kept its own output, with its graph, would be a cycle

    with torch.enable_grad(), saved_tensors_hooks(keep, lambda tensor: tensor):
        again()
    return saved


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Raise RuntimeError if what is computed inside could not be computed again.

    That is, inside a transform of torch.func, or if random numbers of PyTorch are drawn. Without a
    graph nothing has to be.
    """
    if not torch.is_grad_enabled():
        yield
        return
    if torch._C._functorch.maybe_current_level() is not None:
        raise RuntimeError("recomputation is not available inside torch.func")
    before = _generators(device)
    yield
    if not all(map(torch.equal, before, _generators(device))):
        raise RuntimeError("T draws random numbers, so that its steps cannot be computed again")


def _generators(device: torch.device) -> list[Tensor]:
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    return states
