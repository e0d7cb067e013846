"""What comes before and after sending: the test's design, the schedule, and whether it worked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from segtool.checks import check_number
from segtool.errors import ParameterError, SegtoolError
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
from segtool.notes import unknown
from segtool.outputs import Proof
from segtool.sources.times import parse_as_of
from segtool.study.metrics import choose_metrics
from segtool.study.placing import FOR_LIFT, FOR_RETENTION, place_users
from segtool.study.rhythm_test import design_rhythm_test
from segtool.study.roster import match_users, read_roster
from segtool.targeting.feedback.ledger import Feedback, apply_feedback
from segtool.targeting.feedback.reading import read_feedback
from segtool.targeting.frequency.experiment import FrequencyExperiment
from segtool.targeting.lists.study_lists import vary_items
from segtool.targeting.schedule.result import Schedule
from segtool.targeting.schedule.schedule import MOST_WEEKS
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
KNOWN_DAYS = 84  # of log before users are followed, or as many as they are: enough to know them by
LONGEST_TEST = 520  # weeks


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
        weeks = self.file.measurement.weeks if weeks is None else weeks
        check_number("weeks", weeks, low=1, high=MOST_WEEKS, integer=True)  # before the work, not after it
        plan = plan or self._plan or self.plan_targeting()
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

    def design_frequency_experiment(
        self, *, schedule: Schedule | None = None, **options: Any
    ) -> FrequencyExperiment:
        """Draw users to numbers of sends a week, to learn how often is best.

        Nobody held out is in it, and nobody whom the schedule cannot reach. The send list does not carry it out.

        Parameters
        ----------
        schedule : Schedule, optional
            Made when not given.
        **options
            For `segtool.targeting.design_frequency_experiment`, such as ``channel`` and ``arms``.
        """
        schedule = schedule if schedule is not None else self.schedule()
        personas, settings = self._personas or self.find_personas(), self.file.targeting
        return design_rhythm_test(
            self.sources, personas, settings, schedule, self.assign_holdout(), **options
        )

    def prove(self) -> Proof:
        """Return what belongs to the proof of the latest plan: its schedule, the test to come, who stays.

        What cannot be made is left out, and the notes say why: no part stops the others.
        """
        plan = self._plan or self.plan_targeting()
        parts: dict[str, Any] = {}
        notes: list[str] = []

        def add(name: str, title: str, make: Callable[[], Any]) -> None:
            try:
                parts[name] = make()
            except SegtoolError as error:
                notes.append(unknown(f"{title}: {error}"))

        add("schedule", "Schedule", lambda: self.schedule(plan))
        add("design", "Test design", self.design_test)
        add("retention", "Who stays", lambda: self.retention(self._cohort_start()))
        if {"events", "sends"} & set(self.sources.tables):
            add("feedback", "Feedback", self.read_feedback)
        schedule = parts.get("schedule")
        if schedule is not None and "sends" in self.sources.tables and plan.frequency["fatigue"].isna().all():
            make = lambda: self.design_frequency_experiment(schedule=schedule)  # noqa: E731
            add("experiment", "Frequency experiment", make)
            notes += parts["experiment"].notes if "experiment" in parts else ()
        return Proof(**parts, notes=tuple(notes))

    def _cohort_start(self) -> pd.Timestamp | None:
        """Return when to place users for retention: late enough to know them, early enough to see them stay."""
        personas = self._personas or self.find_personas()
        if "events" not in self.sources.tables:
            return None
        ages = self.sources.engine.query("SELECT max(age_days) AS oldest FROM events")["oldest"]
        cohort_days = 7 * self.file.measurement.cohort_weeks
        enough = cohort_days + min(cohort_days, KNOWN_DAYS)
        known = float(ages.fillna(0).iloc[0]) >= enough and personas.n_personas > 1
        end = self.sources.as_of.tz_convert(self.sources.timezone)  # days on the study's clock, not hours
        return end - pd.DateOffset(days=cohort_days) if known else None

    def design_test(self, *, metric: str | None = None, weeks: int | None = None, **options: Any) -> Design:
        """Say, before anything is sent, what the holdout will be able to show for each persona.

        Parameters
        ----------
        metric : str, optional
            As of `segtool.measurement.METRICS`; purchases where there are any, else activity. Where nearly
            everybody buys anyway, what they spend, and a note says so.
        weeks : int, optional
            How long the test runs; the same span before ``as_of`` tells what is usual.
        **options
            For `segtool.measurement.design_test`, such as ``effect`` and ``power``.

        Raises
        ------
        ParameterError
            If nobody is held out, or ``weeks`` is no whole number from 1.
        InputError
            If the log does not reach back as far as the test is long.
        """
        weeks = self.file.measurement.weeks if weeks is None else weeks
        days = 7 * check_number("weeks", weeks, low=1, high=LONGEST_TEST, integer=True)
        share = self._holdout_share()
        personas = self._personas or self.find_personas()
        metrics, notes = ([metric], ()) if metric else self._choose_metrics(days)
        past = read_past(self.sources, metric=metrics[0], days=days, personas=personas)
        drawn = self.assign_holdout().map({True: CONTROL, False: PLAN})
        given = {"arms": {CONTROL: share, PLAN: 1 - share}, "drawn": drawn, **options}
        design = design_test(past, outcome=metrics[0], **given)
        return replace(design, notes=(*design.notes, *notes), about=f"{metrics[0].replace('_', ' ')} in {days} days")

    def _choose_metrics(self, days: float, end=None) -> tuple[list[str], tuple[str, ...]]:
        return choose_metrics(self.sources, self.file.measurement, days=days, end=end)

    def _holdout_share(self) -> float:
        share = self.file.export.holdout_share
        if not share:
            raise ParameterError(
                "holdout_share in [export] is 0: nobody is left untouched to compare with.",
                "a share above 0, such as 0.1.",
                "Without one nothing can be proved afterwards.",
            )
        return share

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
            Pseudonyms (``hash_ids``) are read back with the study's key.
            Without one, users are placed in today's personas by what was known of them at ``since``,
            and the holdout is drawn again: the same users, since it hangs on their ids alone. Today's
            personas were found in what happened after ``since``, too, and a note says so.
        metric : str or list of str, optional
            The first is the one the test is about.
        **options
            For `segtool.measurement.measure_lift`, such as ``always_valid``.

        Raises
        ------
        ParameterError
            If ``since`` is not within the log and before the study's own moment, or nobody was held out.
        InputError
            If the roster cannot be read, or none of its users is one of the study.
        PrivacyError
            If the roster holds pseudonyms and their key is not there.
        """
        notes: tuple[str, ...] = ()
        if roster is None:
            roster, notes = self._roster(since)
        else:
            roster = self._read_roster(roster)
        arms = roster.set_index("user_id")["holdout"].map({True: CONTROL, False: PLAN})
        metrics = [metric] if isinstance(metric, str) else metric
        if not metrics:  # by the time before the start: what came of it must not choose what it is judged by
            metrics, why = self._choose_metrics(7 * self.file.measurement.weeks, since)
            notes += why
        outcomes = read_outcomes(self.sources, arms, metric=metrics, start=since, personas=roster)
        share = self.file.export.holdout_share
        if share:
            options = {"expected": {CONTROL: share, PLAN: 1 - share}, **options}
        lift = measure_lift(outcomes, control=CONTROL, outcome=metrics, **options)
        return replace(lift, notes=(*lift.notes, *notes))

    def _read_roster(self, roster) -> pd.DataFrame:
        said = self.file.export
        key_file = self.base / said.id_key_file if said.id_key_file else None
        roster = read_roster(roster)
        user_ids = self.sources.engine.query("SELECT user_id FROM user_index ORDER BY user_id")["user_id"]
        return match_users(roster, user_ids, hashed=said.hash_ids, key_file=key_file)

    def retention(self, since=None) -> Retention:
        """Say who stayed, who left and who came back, with each user in the persona of ``since``.

        Parameters
        ----------
        since : str or timestamp, optional
            Users are placed in today's personas by what was known then; without it, by all that is
            known. The notes say which way either misleads.

        Raises
        ------
        ParameterError
            If ``since`` is not within the log and before the study's own moment.
        """
        settings = RetentionSettings(churn_days=self.file.measurement.churn_days)
        if since is None:
            personas = self._personas or self.find_personas()
            return plan_retention(self.sources, personas, settings=settings)
        placed = place_users(self, self._personas or self.find_personas(), since, FOR_RETENTION)
        start = parse_as_of(since, self.sources.timezone).tz_convert(self.sources.timezone)
        found = plan_retention(
            self.sources, placed.table, start=start, personas_as_of=placed.known_until, settings=settings
        )
        return replace(found, notes=(*found.notes, *(unknown(note) for note in placed.notes)))

    def evaluate_policy(self, policy, **options: Any) -> OffPolicy:
        """Say what another way of choosing what to send would have brought, from the sends on record.

        Parameters
        ----------
        policy
            An arm for everyone, or one for each persona; see `segtool.measurement.evaluate_policy`.
        """
        sends = read_logged_sends(self.sources, self._personas or self.find_personas())
        return evaluate_policy(sends, policy, **{"random_state": self.seed, **options})

    def _roster(self, since) -> tuple[pd.DataFrame, tuple[str, ...]]:
        share = self._holdout_share()
        placed = place_users(self, self._personas or self.find_personas(), since, FOR_LIFT)
        holdout = assign_holdout(placed.table["user_id"], share=share, salt=self.file.study.name)
        return placed.table.assign(holdout=holdout.to_numpy()), placed.notes
