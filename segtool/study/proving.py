"""What comes before and after sending: the test's design, the schedule, and whether it worked."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from segtool.errors import NotFittedError
from segtool.measurement import (
    Design,
    Lift,
    assign_holdout,
    design_test,
    measure_lift,
    read_outcomes,
    read_past,
)
from segtool.measurement.off_policy import OffPolicy, evaluate_policy, read_logged_sends
from segtool.measurement.retention.retention import Retention, plan_retention
from segtool.measurement.retention.settings import RetentionSettings
from segtool.outputs import Proof
from segtool.study.roster import choose_metrics, read_roster
from segtool.targeting.feedback.ledger import Feedback, apply_feedback
from segtool.targeting.feedback.reading import read_feedback
from segtool.targeting.frequency.experiment import FrequencyExperiment, design_frequency_experiment
from segtool.targeting.lists.study_lists import vary_items
from segtool.targeting.schedule.result import Schedule
from segtool.targeting.schedule.study_inputs import plan_schedule
from segtool.targeting.timing.send_times import user_windows

if TYPE_CHECKING:
    from segtool.labels import Labels
    from segtool.personas import Personas
    from segtool.sources import Sources
    from segtool.study.settings import StudyFile
    from segtool.targeting import Plan

CONTROL, PLAN = "control", "plan"
ITEMS_PER_USER = 24  # five a week for a month, and some to spare for those that rests leave out
CANDIDATES_PER_USER = 80  # so that there is variety to choose from


class Proving:
    """The stages of a study that prove its plan; `Study` has them all."""

    file: StudyFile
    base: Path
    sources: Sources
    _labels: Labels | None
    _personas: Personas | None
    _plan: Plan | None

    def assign_holdout(self) -> pd.Series:
        """Return which users are left untouched, so that the plan can be proved, shape ``(n_users,)``."""
        labels = self._labels or self.label()
        # Never the seed: trying another one must not draw another control group.
        return assign_holdout(
            labels.user_ids, share=self.file.export.holdout_share, salt=self.file.study.name
        )

    def schedule(
        self,
        plan: Plan | None = None,
        *,
        weeks: int | None = None,
        start: str | None = None,
        budget: int | None = None,
    ) -> Schedule:
        """Turn the plan into a calendar and a list of sends, user by user; nobody held out is on it.

        Parameters
        ----------
        plan : Plan, optional
            The latest one when not given.
        weeks : int, optional
            How many; as ``[measurement]`` says when not given.
        start : str, optional
            The first day; the study's own moment when not given.
        budget : int, optional
            Sends in all.
        """
        plan = plan or self._plan or self.plan_targeting()
        weeks = weeks or self.file.measurement.weeks
        parts, costs = plan.parts, plan.parts.explore.costs
        windows = list(user_windows(parts.times))
        return plan_schedule(
            self.sources,
            plan,
            self.assign_holdout(),
            weeks=weeks,
            start=start,
            budget=budget,
            items=self._varied_items(plan),
            repeat=parts.items.repeat,
            windows=pd.concat(windows, ignore_index=True) if windows else None,
            explore=parts.explore.chances if len(parts.explore.table) else None,
            explore_share=float(costs["share"].max()) if len(costs) else None,
            random_state=self.seed,
        )

    def _varied_items(self, plan: Plan) -> Iterator[pd.DataFrame] | None:
        """Yield each user's items, no list being all of one topic; None where items cannot be ranked."""
        items = plan.parts.items
        if items.ranker is None or "content" not in self.sources.tables:
            return None
        content = self.sources.engine.query(
            "SELECT item_id, min(topic) AS topic FROM content GROUP BY item_id ORDER BY item_id"
        )
        batches = items.batches(CANDIDATES_PER_USER)
        return (vary_items(batch, content, plan.settings, top_k=ITEMS_PER_USER) for batch in batches)

    def read_feedback(self) -> Feedback:
        """Return what users answered of late, and what each answer changed."""
        settings = self.file.targeting
        said = read_feedback(self.sources, settings, since_days=settings.round_days)
        return apply_feedback(None, said, settings, as_of=self.sources.as_of)

    def design_frequency_experiment(self, **options: Any) -> FrequencyExperiment:
        """Draw users to numbers of sends a week, to learn how often is best; nobody held out is in it."""
        holdout = self.assign_holdout()
        personas = self._personas or self.find_personas()
        given = {"leave_out": tuple(holdout.index[holdout]), **options}
        return design_frequency_experiment(self.sources, personas, self.file.targeting, **given)

    def prove(self) -> Proof:
        """Return what belongs to the proof of the latest plan: its schedule, the test to come, who stays."""
        plan = self._plan or self.plan_targeting()
        parts: dict[str, Any] = {"schedule": self.schedule(plan)}
        if "events" in self.sources.tables:
            parts |= {"design": self.design_test(), "retention": self.retention(self._cohort_start())}
        if {"events", "sends"} & set(self.sources.tables):
            parts["feedback"] = self.read_feedback()
        if "sends" in self.sources.tables and plan.frequency["fatigue"].isna().all():
            parts["experiment"] = self.design_frequency_experiment()
        return Proof(**parts)

    def _cohort_start(self) -> pd.Timestamp | None:
        """Return when to place users for retention: late enough to know them, early enough to see them stay."""
        personas = self._personas or self.find_personas()
        ages = self.sources.engine.query("SELECT max(age_days) AS oldest FROM events")["oldest"]
        cohort_days = 7 * self.file.measurement.cohort_weeks
        known = float(ages.fillna(0).iloc[0]) >= 2 * cohort_days and personas.n_personas > 1
        return self.sources.as_of - pd.Timedelta(days=cohort_days) if known else None

    def design_test(self, *, metric: str | None = None, weeks: int | None = None, **options: Any) -> Design:
        """Say, before anything is sent, what the holdout will be able to show for each persona.

        Parameters
        ----------
        metric : str, optional
            As of `segtool.measurement.METRICS`; purchases where there are any, else activity.
        weeks : int, optional
            How long the test runs; the same span before ``as_of`` tells what is usual.
        **options
            For `segtool.measurement.design_test`, such as ``effect`` and ``power``.
        """
        personas = self._personas or self.find_personas()
        days = 7 * (weeks or self.file.measurement.weeks)
        metric = metric or choose_metrics(self.sources, self.file.measurement)[0]
        past = read_past(self.sources, metric=metric, days=days, personas=personas)
        share = self.file.export.holdout_share
        return design_test(past, arms={CONTROL: share, PLAN: 1 - share}, outcome=metric, **options)

    def measure_lift(
        self, since, *, roster=None, metric: str | list[str] | None = None, **options: Any
    ) -> Lift:
        """Compare those who were sent the plan with those held out, persona by persona.

        Parameters
        ----------
        since : str or timestamp
            When the plan went out. Personas are those users were in before that.
        roster : path or DataFrame, optional
            ``personas.csv`` as it was exported before sending: user_id, persona_id, persona, holdout.
            Without one, users are placed in today's personas by what was known of them at ``since``,
            and the holdout is drawn again: the same users, since it hangs on their ids alone.
        metric : str or list of str, optional
            The first is the one the test is about.
        **options
            For `segtool.measurement.measure_lift`, such as ``always_valid``.

        Raises
        ------
        ParameterError
            If ``since`` is not before the study's own moment.
        """
        roster = self._roster(since) if roster is None else read_roster(roster)
        arms = roster.set_index("user_id")["holdout"].map({True: CONTROL, False: PLAN})
        metrics = [metric] if isinstance(metric, str) else metric
        metrics = metrics or choose_metrics(self.sources, self.file.measurement)
        outcomes = read_outcomes(self.sources, arms, metric=metrics, start=since, personas=roster)
        share = self.file.export.holdout_share
        options = {"expected": {CONTROL: share, PLAN: 1 - share}, **options}
        return measure_lift(outcomes, control=CONTROL, outcome=metrics, **options)

    def retention(self, since=None) -> Retention:
        """Say who stayed, who left and who came back, with each user in the persona of ``since``.

        Parameters
        ----------
        since : str or timestamp, optional
            Users are placed in today's personas by what was known then; without it, by all that is
            known, and the notes say which way that misleads.
        """
        settings = RetentionSettings(churn_days=self.file.measurement.churn_days)
        if since is None:
            personas = self._personas or self.find_personas()
            return plan_retention(self.sources, personas, settings=settings)
        return plan_retention(self.sources, self._placed(since), start=since, settings=settings)

    def evaluate_policy(self, policy, **options: Any) -> OffPolicy:
        """Say what another way of choosing what to send would have brought, from the sends on record.

        Parameters
        ----------
        policy
            An arm for everyone, or one for each persona; see `segtool.measurement.evaluate_policy`.
        """
        sends = read_logged_sends(self.sources, self._personas or self.find_personas())
        return evaluate_policy(sends, policy, **{"random_state": self.seed, **options})

    def _placed(self, since) -> pd.DataFrame:
        """Return who would have been in which persona at an earlier moment, nothing later being read."""
        personas = self._personas or self.find_personas()
        try:
            with warnings.catch_warnings():  # what nobody had said by then is unknown, as it should be
                warnings.simplefilter("ignore", UserWarning)
                return personas.assign(self._label(self._read_earlier(since)))
        except NotFittedError:
            return personas.assigned  # given by the analyst: they are what they were

    def _roster(self, since) -> pd.DataFrame:
        placed = self._placed(since)
        holdout = assign_holdout(
            placed["user_id"], share=self.file.export.holdout_share, salt=self.file.study.name
        )
        return placed.assign(holdout=holdout.to_numpy())
