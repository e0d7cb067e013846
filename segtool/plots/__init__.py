"""Figures, each drawn from a result's own table, in one look: matplotlib figures without pyplot."""

from segtool.plots.activity_chart import plot_activities
from segtool.plots.calendar_chart import plot_calendar
from segtool.plots.choice_chart import plot_k_choice
from segtool.plots.core_value_chart import plot_core_value
from segtool.plots.frequency_chart import plot_frequency
from segtool.plots.group_health_chart import plot_group_health
from segtool.plots.heat_chart import plot_topic_heat
from segtool.plots.herd_chart import plot_herd
from segtool.plots.inference_chart import plot_inference
from segtool.plots.label_charts import plot_coverage, plot_label_distribution
from segtool.plots.lift_chart import plot_lift
from segtool.plots.off_policy_chart import plot_off_policy
from segtool.plots.persona_cards import plot_cards
from segtool.plots.persona_charts import plot_portraits
from segtool.plots.persona_flow import plot_persona_flow
from segtool.plots.persona_map import lay_out_users, plot_persona_map
from segtool.plots.pixel_chart import plot_pixels
from segtool.plots.plan_charts import plot_send_times, plot_topics
from segtool.plots.reliability_chart import plot_reliability
from segtool.plots.retention_charts import plot_cohorts, plot_flow, plot_retention_curves
from segtool.plots.sharing_chart import plot_sharing
from segtool.plots.split_chart import plot_split
from segtool.plots.stage_charts import plot_stage_rates, plot_stage_shares
from segtool.plots.theme import contrast, elide, ink_on, persona_colours, to_png, to_svg
from segtool.plots.tie_map import plot_tie_map
from segtool.plots.touch_chart import plot_touches
from segtool.plots.tradeoff_chart import plot_tradeoff
from segtool.plots.typing_chart import plot_typing_tool

__all__ = [
    "contrast",
    "elide",
    "ink_on",
    "lay_out_users",
    "persona_colours",
    "plot_activities",
    "plot_calendar",
    "plot_cards",
    "plot_cohorts",
    "plot_core_value",
    "plot_coverage",
    "plot_flow",
    "plot_frequency",
    "plot_group_health",
    "plot_herd",
    "plot_inference",
    "plot_k_choice",
    "plot_label_distribution",
    "plot_lift",
    "plot_off_policy",
    "plot_persona_flow",
    "plot_persona_map",
    "plot_pixels",
    "plot_portraits",
    "plot_reliability",
    "plot_retention_curves",
    "plot_send_times",
    "plot_sharing",
    "plot_split",
    "plot_stage_rates",
    "plot_stage_shares",
    "plot_tie_map",
    "plot_topic_heat",
    "plot_topics",
    "plot_touches",
    "plot_tradeoff",
    "plot_typing_tool",
    "to_png",
    "to_svg",
]
