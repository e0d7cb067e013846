"""A simulated community with known answers, to try segtool on and to test it against."""

from segtool.sources.simulate.campaign import Campaign, simulate_campaign
from segtool.sources.simulate.groups import GroupWorld, simulate_groups
from segtool.sources.simulate.simulation import Simulation, simulate_circle

__all__ = ["Campaign", "GroupWorld", "Simulation", "simulate_campaign", "simulate_circle", "simulate_groups"]
