"""The layer as a module, the map T that it binds, and what is measured of the map."""

from methods.networks.implicit_layer.fixed_point_map import FixedPointMap as FixedPointMap
from methods.networks.implicit_layer.module import ImplicitLayer as ImplicitLayer
