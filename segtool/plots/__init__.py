"""Figures, each drawn from a result's own table, in one look: matplotlib figures without pyplot."""

from segtool.plots.choice_chart import plot_k_choice
from segtool.plots.inference_chart import plot_inference
from segtool.plots.label_charts import plot_coverage, plot_label_distribution
from segtool.plots.persona_cards import plot_cards
from segtool.plots.persona_charts import plot_portraits
from segtool.plots.persona_flow import plot_persona_flow
from segtool.plots.persona_map import lay_out_users, plot_persona_map
from segtool.plots.pixel_chart import plot_pixels
from segtool.plots.plan_charts import count_stages, plot_send_times, plot_stages, plot_topics
from segtool.plots.reliability_chart import plot_reliability
from segtool.plots.theme import contrast, elide, ink_on, persona_colours, to_png, to_svg
from segtool.plots.typing_chart import plot_typing_tool

__all__ = [
    "contrast",
    "count_stages",
    "elide",
    "ink_on",
    "lay_out_users",
    "persona_colours",
    "plot_cards",
    "plot_coverage",
    "plot_inference",
    "plot_k_choice",
    "plot_label_distribution",
    "plot_persona_flow",
    "plot_persona_map",
    "plot_pixels",
    "plot_portraits",
    "plot_reliability",
    "plot_send_times",
    "plot_stages",
    "plot_topics",
    "plot_typing_tool",
    "to_png",
    "to_svg",
]
