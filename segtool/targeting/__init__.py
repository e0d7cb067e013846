"""What to show to whom, when, where, how often, and at which stage.

plan_targeting       sources + personas -> Plan: the plan at a glance, and every piece of advice
recommend_topics     topics for a plain table of events
rank_items           items for a plain table of events, with the reasons of each score
plan_schedule        Plan -> Schedule: the calendar and the list of sends
make_schedule        the same from plain tables
check_send_list      whether a finished list breaks any cap or block
diversify            lists that are not all about one thing; measure_tradeoff: what that costs
design_frequency_experiment  who gets how many sends, to learn how often is best
apply_feedback       what users answered, as evidence, with an audit row per change
TargetingSettings    every default, with its reason
caps_for, cap_text   the limits of a channel; a weekly cap in words: "2 a week", "1 in 4 weeks"
"""

from segtool.targeting.channels.presets import CHANNEL_PRESETS, ChannelPreset
from segtool.targeting.feedback.ledger import Feedback, apply_feedback
from segtool.targeting.frequency.caps import caps_for
from segtool.targeting.frequency.experiment import design_frequency_experiment
from segtool.targeting.frequency.frequency import cap_text
from segtool.targeting.items.frames import rank_items
from segtool.targeting.lists.diversify import diversify
from segtool.targeting.lists.tradeoff import measure_tradeoff
from segtool.targeting.plan import Plan, plan_targeting
from segtool.targeting.schedule.check import check_send_list
from segtool.targeting.schedule.result import Schedule
from segtool.targeting.schedule.schedule import make_schedule
from segtool.targeting.schedule.study_inputs import plan_schedule
from segtool.targeting.settings import DAYPARTS, EVENT_WEIGHTS, STAGE_MODELS, TargetingSettings
from segtool.targeting.stages.stages import explain_stages
from segtool.targeting.topics.affinity import recommend_topics

__all__ = [
    "CHANNEL_PRESETS",
    "DAYPARTS",
    "EVENT_WEIGHTS",
    "STAGE_MODELS",
    "ChannelPreset",
    "Feedback",
    "Plan",
    "Schedule",
    "TargetingSettings",
    "apply_feedback",
    "cap_text",
    "caps_for",
    "check_send_list",
    "design_frequency_experiment",
    "diversify",
    "explain_stages",
    "make_schedule",
    "measure_tradeoff",
    "plan_schedule",
    "plan_targeting",
    "rank_items",
    "recommend_topics",
]
