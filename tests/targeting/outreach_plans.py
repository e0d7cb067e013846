"""When, where and how often alone, without the other parts of a plan: quick to ask."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

from segtool.targeting import TargetingSettings
from segtool.targeting.channels.channels import plan_channels
from segtool.targeting.counts import sql_users
from segtool.targeting.frequency.frequency import plan_frequency
from segtool.targeting.members import align_personas
from segtool.targeting.sending import SendLog
from segtool.targeting.timing.send_times import plan_times
from tests.targeting.fan_studies import fan_events, fan_sends, read


@cache
def usual(with_sends=True):
    """The fans' events and sends, read once: nobody writes to them."""
    return read(events=fan_events(), **({"sends": fan_sends()} if with_sends else {}))


def ask(sources, personas, **settings):
    """Return what the parts need, and functions that ask each of them."""
    said = TargetingSettings(**settings)
    user_ids = sql_users(sources.engine)
    members = align_personas(personas, user_ids)
    log = SendLog.look(sources)
    return SimpleNamespace(
        sources=sources,
        user_ids=user_ids,
        members=members,
        log=log,
        settings=said,
        times=lambda: plan_times(sources, members, user_ids, log, said),
        channels=lambda: plan_channels(sources, members, user_ids, log, said),
        frequency=lambda channels: plan_frequency(sources, members, channels.chosen(), log, said),
    )
