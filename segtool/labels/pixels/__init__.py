"""Pixel labels: conjunctions of labels that more users satisfy than chance would have it."""

from segtool.labels.pixels.find import find_pixels
from segtool.labels.pixels.pixels import Pixel, Pixels
from segtool.labels.pixels.settings import PixelName, PixelSettings

__all__ = ["Pixel", "PixelName", "PixelSettings", "Pixels", "find_pixels"]
