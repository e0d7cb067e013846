"""A simulated community with known answers, to try segtool on and to test it against."""

from segtool.sources.simulate.simulation import Simulation, simulate_circle

__all__ = ["Simulation", "simulate_circle"]
