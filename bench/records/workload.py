"""How a record names what its run was made on."""

from __future__ import annotations

USUAL_NETWORK = "convex_potential"  # of a layer that is named without one


def layer_label(layer: str, network: str) -> str:
    """The layer, with its network where that is not the usual one: `degrad+dncnn`.

    Records from before there was a choice have network="".
    """
    return f"{layer}+{network}" if network not in ("", USUAL_NETWORK) else layer
