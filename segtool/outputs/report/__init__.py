"""report.html: plain facts first, then a page that lays them out."""

from segtool.outputs.report.build import describe_study
from segtool.outputs.report.facts import ReportFacts
from segtool.outputs.report.page import render_report

__all__ = ["ReportFacts", "describe_study", "render_report"]
