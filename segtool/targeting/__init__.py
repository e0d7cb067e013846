"""What to show to whom, when, where, how often, and at which stage.

plan_targeting      sources + personas -> Plan, the one table and what it was made from
recommend_topics    the topic part alone, for a plain DataFrame
TargetingSettings   every default, with its reason
explain_stages      why a persona's stage is what it is, in words
cap_text            a weekly cap in words: "2 a week", "1 in 4 weeks"
CHANNEL_PRESETS     how often each channel may be used, and who says so
"""

from segtool.targeting.channels.presets import CHANNEL_PRESETS, ChannelPreset
from segtool.targeting.frequency.frequency import cap_text
from segtool.targeting.plan import Plan, plan_targeting
from segtool.targeting.settings import DAYPARTS, EVENT_WEIGHTS, STAGE_MODELS, TargetingSettings
from segtool.targeting.stages.stages import explain_stages
from segtool.targeting.topics.affinity import recommend_topics

__all__ = [
    "CHANNEL_PRESETS",
    "DAYPARTS",
    "EVENT_WEIGHTS",
    "STAGE_MODELS",
    "ChannelPreset",
    "Plan",
    "TargetingSettings",
    "cap_text",
    "explain_stages",
    "plan_targeting",
    "recommend_topics",
]
