"""A small study with everything in it, made of tables by hand: what plots and outputs are tried on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

NAMES = {
    1: "Evening short-video students on a tight budget",
    2: "宝妈: mothers at home, 育儿 and comfort food 👶",
    3: "Frequent flyers who buy luxury duty-free",
    4: "Quiet readers",
    5: "Bargain hunters who share coupons",
    6: "New, not yet known",
}
TOPICS = [
    "short video", "parenting", "celebrities", "stocks & funds", "duty-free luxury", "jokes",
    "current affairs", "trendy brands", "cooking", "travel tips", "母婴用品", "coupons",
]  # fmt: skip
SHARES = [0.31, 0.22, 0.16, 0.13, 0.11, 0.07]
LABELS = {
    "life_stage": ("life stage", "nominal", ["student", "parent at home", "office worker", "retired"]),
    "spending_power": ("consumption", "ordered", ["low", "average", "high"]),
    "active_daypart": ("rhythm", "nominal", ["morning", "noon", "evening", "night"]),
    "preferred_channel": ("channel", "nominal", ["app push", "wecom group", "email"]),
    "shares_content": ("sharing", "flag", ["no", "yes"]),
    "lifecycle": ("activity", "ordered", ["new", "active", "sleeping", "lost"]),
}
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
STAGES = ["attention", "interest", "desire", "memory", "action"]


@dataclass(frozen=True)
class FakeLabels:
    frame: pd.DataFrame
    sources: object = None
    engine: object = None
    infos: tuple = ()
    tables: object = field(default_factory=lambda: {"claims": "claims"})

    as_of = pd.Timestamp("2026-07-01", tz="UTC")
    sql = "SELECT 1"

    @property
    def user_ids(self):
        return self.frame.index

    @property
    def n_users(self):
        return len(self.frame)

    def wide(self):
        return self.frame.copy()

    def facets(self):
        return {name: facet for name, (facet, _, _) in LABELS.items()} | {"interest": "taste"}

    def families(self):
        return {name: frozenset({"events"}) for name in self.facets()}

    def label_kinds(self):
        return {name: kind for name, (_, kind, _) in LABELS.items()} | {"interest": "many"}

    def titles(self):
        return {name: name.replace("_", " ").capitalize() for name in self.facets()}

    def coverage(self):
        kinds = self.label_kinds()
        rows = []
        for name, facet in self.facets().items():
            cells = self.frame[[c for c in self.frame if c.split(": ")[0] == name]]
            known = int(cells.notna().any(axis=1).sum())
            row = {
                "label": name,
                "title": self.titles()[name],
                "facet": facet,
                "claim": "all",
                "source": "all",
            }
            rows.append(
                row | {"n_users": known, "share_known": known / self.n_users, "note": "", "kind": kinds[name]}
            )
        return pd.DataFrame(rows)

    def unsure(self):
        """Return every tenth life stage as less likely than not."""
        rows = self.frame["life_stage"].iloc[::10].dropna().astype(str).rename("value").reset_index()
        return rows.assign(label="life_stage", confidence=0.4)

    def conflicts(self, *, by="source"):
        """Return who wins by source; by user there is nothing to settle here."""
        if by == "user":
            return pd.DataFrame(
                columns=["user_id", "label", "source", "evidence", "against_source", "against_evidence"]
            )
        return pd.DataFrame(
            {
                "label": ["life_stage", "spending_power", "life_stage"],
                "kept_source": ["person", "survey", "person"],
                "kept_value": ["parent at home", "low", "retired"],
                "against_source": ["survey", "behaviour", "survey"],
                "against_value": ["office worker", "high", "student"],
                "n_users": [41, 23, 2],
                "n_both": [120, 160, 120],
                "share": [41 / 120, 23 / 160, 2 / 120],
                "mean_confidence_against": [0.61, 0.55, 0.7],
            }
        )

    def inference(self):
        """Return one value that is carried further, one that abstains, and one answered by few."""
        from segtool.labels.inference.report import Inference

        table = pd.DataFrame(
            {
                "label": ["life_stage", "life_stage", "lifecycle"],
                "value": ["retired", "student", "new"],
                "verdict": ["infers", "abstains", "infers"],
                "n_respondents": [180, 180, 180],
                "n_positive": [60, 31, 3],
                "precision_asked": [0.8, 0.8, 0.8],
                "precision_low": [0.81, np.nan, 0.8],
                "precision": [0.91, np.nan, 0.85],
                "n_published": [77, 0, 40],
                "reason": [
                    "41 of 45 held-out respondents were right",
                    "best provable precision 0.66",
                    "3 of 3",
                ],
            }
        )
        return Inference(table, pd.DataFrame())

    def left_out(self):
        return pd.DataFrame(
            {"label": ["group_role"], "why": ["needs the table messages, which is not there"]}
        )

    def with_claims(self):
        """Return the same labels over an engine that holds their claims."""
        from segtool.engines import DuckDBEngine

        parts = [
            self.frame[name].dropna().astype(str).rename("value").reset_index().assign(label=name)
            for name in LABELS
        ]
        claims = pd.concat(parts, ignore_index=True).assign(
            source="survey", claim="a", confidence=0.9, evidence="answered q1"
        )
        engine = DuckDBEngine()
        engine.register(
            "claims", claims[["user_id", "label", "value", "source", "claim", "confidence", "evidence"]]
        )
        return replace(self, engine=engine)

    def sentences(self):
        text = "student · spends under 2000 a month · likes trendy brands"
        return pd.DataFrame({"user_id": self.frame.index, "sentence": text, "n_labels": 3})


@dataclass(frozen=True)
class FakePersonas:
    labels: FakeLabels
    persona: pd.Series
    names: dict[int, str]
    verdict: str = (
        "6 personas: 5 are stable over refits of halves of the data, 1 (New, not yet known) is loose. "
        "8 % of users sit between two."
    )

    @property
    def n_personas(self):
        return len(self.names)

    @property
    def memberships(self):
        soft = pd.DataFrame(0.1 / (len(self.names) - 1), index=self.persona.index, columns=list(self.names))
        soft.columns.name = "persona_id"
        for number in self.names:
            soft.loc[self.persona == number, number] = 0.9
        return soft

    @property
    def assigned(self):
        rng = np.random.default_rng(1)
        other = self.persona % len(self.names) + 1
        return pd.DataFrame(
            {
                "user_id": self.persona.index,
                "persona_id": self.persona.to_numpy(),
                "persona": self.persona.map(self.names).to_numpy(),
                "membership": rng.uniform(0.5, 1, len(self.persona)),
                "runner_up": other.map(self.names).to_numpy(),
                "unsure": rng.random(len(self.persona)) < 0.08,
            }
        )

    def portraits(self):
        counts = self.persona.value_counts().reindex(list(self.names), fill_value=0)
        return pd.DataFrame(
            {
                "persona_id": list(self.names),
                "persona": list(self.names.values()),
                "n_users": counts.to_numpy(),
                "share": (counts / counts.sum()).to_numpy(),
                "mean_membership": 0.88,
                "stability": np.linspace(0.97, 0.58, len(self.names)),
                "defining": "life stage: student (index 301); daypart: evening (index 180)",
                "rule": "life stage is student and daypart is evening",
                "rule_precision": 0.83,
                "rule_recall": 0.71,
                "sentence": [
                    f"{n:,} users, typically: students with low spending power, active in the evening. "
                    f"Unlike the nearest, they share videos 61 % instead of 20 %."
                    for n in counts
                ],
            }
        )

    def profile(self):
        rows = []
        for label, (facet, _, values) in LABELS.items():
            cells = self.labels.frame[label]
            for number, name in self.names.items():
                mine = cells[self.persona == number].dropna()
                for value in values:
                    share, base = (mine == value).mean(), (cells.dropna() == value).mean()
                    base = base or 1e-9
                    effect = 2 * np.arcsin(np.sqrt(share)) - 2 * np.arcsin(np.sqrt(min(base, 1)))
                    rows.append(
                        {
                            "persona_id": number,
                            "persona": name,
                            "facet": facet,
                            "label": label,
                            "value": value,
                            "n_known": len(mine),
                            "n_in": int((mine == value).sum()),
                            "share_in": share,
                            "share_base": base,
                            "index": 100 * share / base,
                            "effect": effect,
                            "q_value": 0.001,
                        }
                    )
        return pd.DataFrame(rows)

    def choice(self):
        k = np.arange(1, 11)
        icl = 61_000 - 9_000 * (1 - np.exp(-k / 2)) + 210 * np.maximum(0, k - 6) ** 1.5
        return pd.DataFrame(
            {
                "k": k,
                "icl": icl,
                "bic": icl + 300,
                "stability": [1, 0.97, 0.94, 0.96, 0.93, 0.95, 0.71, 0.66, 0.6, 0.52],
                "min_share": 1 / k / 2,
                "chosen": k == 6,
            }
        )

    def save(self, path):
        import json
        from pathlib import Path

        Path(path).write_text(
            json.dumps({"format": "segtool personas", "names": self.names}), encoding="utf-8"
        )

    def rename(self, names):
        return replace(self, names=self.names | names)


@dataclass(frozen=True)
class FakePlan:
    table: pd.DataFrame
    topics: pd.DataFrame
    send_times: pd.DataFrame
    stages: pd.DataFrame
    user_topics: pd.DataFrame
    notes: list = field(
        default_factory=lambda: [
            "Channel: 212 sends are too few to compare channels for 2 personas; they take the overall order.",
            "No opt-outs were recorded, so the caps are the presets of the channels.",
        ]
    )

    @property
    def persona_stages(self):
        if "persona_id" not in self.stages:
            return None
        counts = self.stages.groupby(["persona_id", "persona", "stage"]).size().unstack(fill_value=0)
        counts = counts.assign(**{name: counts.get(name, 0) for name in ("lapsed",)})
        table = counts.stack().rename("n_users").reset_index()
        share = table["n_users"] / table.groupby("persona_id")["n_users"].transform("sum")
        return table.assign(share=share, lo=share * 0.8, hi=share * 1.2, typical=table["stage"] == STAGES[0])

    @property
    def advice(self):
        columns = ["persona_id", "persona", "rank", "estimate", "lo", "hi", "n_users", "verdict", "reason"]
        more = {"aspect": "topic", "unit": "lift over everyone", "n_events": 9, "level": "persona"}
        return self.table[columns].assign(advice=self.table["topic"], **more)


@dataclass(frozen=True)
class FakeSources:
    as_of = pd.Timestamp("2026-07-01", tz="UTC")
    timezone = "Asia/Shanghai"
    tables = ("events", "users", "survey", "notes")
    n: int = 2000
    origin: str = "events.csv"

    @property
    def n_users(self):
        return self.n

    def summary(self):
        frame = pd.DataFrame(
            {
                "table": list(self.tables),
                "origin": [self.origin, "DataFrame", "survey.csv", "notes.csv"],
                "read": [60_412, 2_000, 204, 103],
                "kept": [60_220, 2_000, 201, 103],
                "rejected": [12, 0, 3, 0],
                "duplicates": [100, 0, 0, 0],
                "after_as_of": [80, 0, 0, 0],
            }
        )
        return _Summary(frame)

    def files(self, table):
        return ()

    def rejected(self, table):
        n = {"events": 12, "survey": 3}.get(table, 0)
        rows = {
            "row_number": range(2, n + 2),
            "reason": "unreadable time",
            "raw": '=cmd|" /C calc"!A1,u1,yesterday',
        }
        return pd.DataFrame(rows, index=range(n))


@dataclass(frozen=True)
class _Summary:
    frame: pd.DataFrame

    def to_pandas(self):
        return self.frame


def make_labels(n_users=600, seed=0):
    rng = np.random.default_rng(seed)
    users = pd.Index([f"{number:05d}" for number in range(n_users)], name="user_id")
    persona = pd.Series(rng.choice(range(1, 7), n_users, p=SHARES), users)
    frame = pd.DataFrame(index=users)
    for place, (label, (_, kind, values)) in enumerate(LABELS.items()):
        preferred = (persona + place) % len(values)
        drawn = np.where(rng.random(n_users) < 0.7, preferred, rng.integers(0, len(values), n_users))
        known = rng.random(n_users) < 1 - 0.11 * place
        frame[label] = pd.Categorical.from_codes(
            np.where(known, drawn, -1), values, ordered=kind == "ordered"
        )
    for place, topic in enumerate(TOPICS):
        likes = pd.array(rng.random(n_users) < np.where(persona == place % 6 + 1, 0.6, 0.15), "boolean")
        likes[rng.random(n_users) < 0.2] = pd.NA
        frame[f"interest: {topic}"] = likes
    return FakeLabels(frame), persona


def make_plan(personas, topics=TOPICS, seed=0):
    rng = np.random.default_rng(seed)
    sizes = personas.portraits().set_index("persona_id")["n_users"]
    rows, affinity = [], []
    for number, name in personas.names.items():
        estimates = np.sort(rng.lognormal(0, 0.5, len(topics)))[::-1]
        order = rng.permutation(len(topics))
        for rank, (topic, lift) in enumerate(zip(np.array(topics)[order], estimates, strict=True), 1):
            width = rng.uniform(1.1, 1.5)
            shared = {"persona_id": number, "persona": name, "rank": rank, "topic": topic}
            shared |= {
                "estimate": lift,
                "lo": lift / width,
                "hi": lift * width,
                "n_users": int(sizes[number]),
            }
            affinity.append(
                shared | {"share": lift / 12, "base": 1 / 12, "n_events": 900, "level": "persona"}
            )
            if rank <= 5:
                daypart = ["evening", "noon", "morning"][number % 3]
                channel = ["app_push", "wecom_group", "service_account"][number % 3]
                rows.append(
                    shared
                    | {
                        "daypart": daypart, "channel": channel, "weekly_cap": [3, 2, 1][number % 3],
                        "stage": STAGES[number % 5], "n_events": 900, "level": "persona", "verdict": "go",
                        "reason": f"{lift:.1f} times as much of their attention as of everybody's",
                    }
                )  # fmt: skip
    slots = {"hour": [f"{hour:02d}" for hour in range(24)], "weekday": DAYS}
    times = [
        {
            "persona_id": n, "persona": name, "kind": "around", "unit": unit, "slot": slot, "estimate": share,
            "n_users": int(sizes[n]), "n_events": 900,
        }
        for n, name in personas.names.items()
        for unit, names in slots.items()
        for slot, share in zip(names, rng.dirichlet(np.full(len(names), 3)), strict=True)
    ]  # fmt: skip
    stages = pd.DataFrame(
        {
            "user_id": personas.persona.index,
            "stage": rng.choice(STAGES, len(personas.persona), p=[0.4, 0.3, 0.15, 0.1, 0.05]),
            "persona_id": personas.persona.to_numpy(),
            "persona": personas.persona.map(personas.names).to_numpy(),
        }
    )
    user_topics = pd.DataFrame(
        {"user_id": personas.persona.index, "rank": 1, "topic": rng.choice(topics, len(personas.persona))}
    ).assign(estimate=1.2, lo=0.9, hi=1.6, n_events=4, level="user")
    return FakePlan(pd.DataFrame(rows), pd.DataFrame(affinity), pd.DataFrame(times), stages, user_topics)


def make_study(n_users=600, names=NAMES, topics=TOPICS):
    """Return sources, labels, personas, plan."""
    labels, persona = make_labels(n_users)
    personas = FakePersonas(labels, persona, dict(names))
    return FakeSources(n=n_users), labels, personas, make_plan(personas, topics)
