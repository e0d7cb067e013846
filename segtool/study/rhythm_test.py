"""How often, put to the test in a study: who can be drawn, and what the caps leave of the arms."""

from __future__ import annotations

from dataclasses import replace

from segtool.notes import in_order, known, unknown
from segtool.targeting.frequency.caps import weekly_cap
from segtool.targeting.frequency.experiment import FrequencyExperiment, design_frequency_experiment
from segtool.targeting.schedule.result import Schedule

NOT_CARRIED_OUT = known(
    "How often: send_list.csv does not carry the frequency experiment out, it keeps to the plan's own rhythm. Whoever"
    " runs the experiment sends to its users by frequency_experiment.csv in place of the send list, not on top of it."
)


def design_rhythm_test(
    sources, personas, settings, schedule: Schedule, holdout, **options
) -> FrequencyExperiment:
    """Draw the users whom the schedule can reach to numbers of sends a week.

    Parameters
    ----------
    sources : Sources
    personas : Personas
    settings : TargetingSettings
    schedule : Schedule
        Whom it leaves out can be sent nothing, so they can be in no arm.
    holdout : Series of bool by user_id
    **options
        For `design_frequency_experiment`.
    """
    closed = [*holdout.index[holdout], *schedule.left_out["user_id"]]
    options["leave_out"] = (*options.get("leave_out", ()), *closed)
    experiment = design_frequency_experiment(sources, personas, settings, **options)
    notes = [*experiment.notes, *_say_caps(experiment, schedule, settings), NOT_CARRIED_OUT]
    return replace(experiment, notes=tuple(in_order(notes)))


def _say_caps(experiment: FrequencyExperiment, schedule: Schedule, settings) -> list[str]:
    """Say who was drawn to more than the caps of their channel allow."""
    if experiment.channel is not None:  # then the arms keep within its caps
        return []
    channel = schedule.people.table.set_index("user_id")["channel"].astype(str)
    drawn = experiment.table.assign(channel=experiment.table["user_id"].map(channel))
    cap = drawn["channel"].map(
        {name: weekly_cap(name, settings) for name in drawn["channel"].dropna().unique()}
    )
    beyond = drawn[drawn["arm"] > cap]
    if beyond.empty:
        return []
    names = sorted(beyond["channel"].unique())
    told = ", ".join(f"{name} ({weekly_cap(name, settings):g} a week)" for name in names)
    return [
        unknown(
            f"How often, in full: {len(beyond):,} users are drawn to more than the caps of their channel allow: {told}."
            " Kept within the caps they get fewer, and the arms differ less than they say. Name a channel (channel=...)"
            " for arms that fit it, or raise its weekly_caps."
        )
    ]
