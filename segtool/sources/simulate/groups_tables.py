"""The tables of a simulated group as an export would hold them, and the truth beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.sources.simulate.groups_activities import titles_of
from segtool.sources.simulate.groups_members import DAY
from segtool.sources.simulate.groups_texts import BOT_LINE, write_texts
from segtool.sources.simulate.words import TOPIC_KEYS, TOPICS


class GroupTables:
    """The tables of one group, and the truth about it."""

    def __init__(self, fate_name, fate, group_id, members, where, effects, talk, troubles, names, end, days):
        self.fate_name, self.fate, self.group_id = fate_name, fate, group_id
        self.members, self.where, self.effects = members, where, effects
        self.talk, self.troubles = talk, troubles
        self.ids, self.start, self.days = (
            names[members.user],
            end - pd.Timedelta(days=days),
            days,
        )

    def frames(self, n_bots: int, with_text: bool, rng) -> dict[str, pd.DataFrame]:
        frames = {
            "messages": self.messages(with_text, rng),
            "members": self.roster(),
            "activities": self.activities(rng),
            "groups": self.group(rng),
            "truth_members": self.true_members(),
            "returned": self.returned(),
            "waves": self.waves(),
            "troubles": self.true_troubles(),
            "topics": pd.DataFrame(
                {"circle": np.arange(len(self.where.circle_topics)),
                 "topic": np.array(TOPIC_KEYS, dtype=object)[self.where.circle_topics]}
            ),
        }  # fmt: skip
        for number in range(n_bots):
            self.add_bot(frames, number + 1, rng)
        for frame in frames.values():
            frame.insert(0, "group_id", pd.Series(self.group_id, index=frame.index, dtype=object))
        return frames

    def time(self, days) -> pd.DatetimeIndex:
        seconds = np.floor(np.asarray(days, dtype=float) * DAY)
        return pd.DatetimeIndex(self.start + pd.to_timedelta(seconds, unit="s"))

    def messages(self, with_text: bool, rng) -> pd.DataFrame:
        talk = self.talk
        kept = talk.second < self.days * DAY  # the last answers may fall after the end
        answered = self.ids[talk.author[np.maximum(talk.reply, 0)]]
        texts = write_texts(talk.kind, talk.topic, answered, rng) if with_text else np.full(len(kept), None)
        return pd.DataFrame(
            {"user_id": self.ids[talk.author], "sent_at": self.start + pd.to_timedelta(talk.second, unit="s"),
             "reply": talk.reply, "topic": np.array(TOPIC_KEYS, dtype=object)[talk.topic], "text": texts}
        )[kept]  # fmt: skip

    def roster(self) -> pd.DataFrame:
        members = self.members
        leaders = np.flatnonzero(members.leader)
        role = np.full(len(members), "member", dtype=object)
        role[leaders[1 : max(2, len(leaders) // 2)]] = "admin"
        role[leaders[0]] = "owner"
        return pd.DataFrame(
            {"user_id": self.ids, "joined_at": self.time(members.joined), "left_at": self.time(members.left),
             "role": role, "invited_by": self.inviters()}
        )  # fmt: skip

    def inviters(self) -> np.ndarray:
        inviter = self.members.inviter
        return np.where(inviter >= 0, self.ids[np.maximum(inviter, 0)], None)

    def activities(self, rng) -> pd.DataFrame:
        planned = self.effects.planned
        opens = rng.choice([9.0, 10.0, 19.5], len(planned))
        return pd.DataFrame(
            {"starts_at": self.time(planned["day"] + opens / 24),
             "ends_at": self.time(planned["day"] + planned["length"] - 1 + 22 / 24),
             "topic": np.array(TOPIC_KEYS, dtype=object)[planned["topic"].to_numpy(dtype=int)],
             "title": titles_of(planned, rng), "lift": np.exp(planned["log_lift"]),
             "before": np.exp(planned["before"]), "lasting": planned["lasting"], "steer": planned["steer"],
             "dud": planned["dud"], "number": np.arange(len(planned))}
        )  # fmt: skip

    def group(self, rng) -> pd.DataFrame:
        topic = TOPICS[self.where.charter]
        zh, en = topic.subjects[rng.integers(len(topic.subjects))]
        return pd.DataFrame(
            {"title": [f"{zh}交流群 {topic.sign} {en}"], "topic": [topic.key], "fate": [self.fate_name],
             "n_members": [len(self.members)], "n_messages": [len(self.talk.second)],
             "founded_at": self.time([self.where.founded]), "n_circles": [len(self.where.circle_topics)]}
        )  # fmt: skip

    def true_members(self) -> pd.DataFrame:
        members = self.members
        written = np.bincount(self.talk.author, minlength=len(members))
        return pd.DataFrame(
            {"user_id": self.ids, "influence": members.influence, "leader": members.leader,
             "chatterbox": members.chatterbox, "lurker": members.voice == 0, "circle": members.circle,
             "invited_by": self.inviters(), "joined_at": self.time(members.joined), "wave": members.wave,
             "n_messages": written, "bot": False}
        )  # fmt: skip

    def returned(self) -> pd.DataFrame:
        """Tell which of those meant to come back did: they wrote during, and not in the month before."""
        day = self.talk.second // DAY
        rows = []
        for number, member, stays in self.effects.returners:
            start, length = self.effects.planned.loc[number, ["day", "length"]]
            own = day[self.talk.author == member]
            during = ((own >= start) & (own < start + length)).any()
            if during and not ((own >= start - 30) & (own < start)).any() and (own < start).any():
                rows.append((number, self.ids[member], stays))
        return pd.DataFrame(rows, columns=["number", "user_id", "stayed"])

    def waves(self) -> pd.DataFrame:
        size = np.bincount(
            self.members.wave[self.members.wave >= 0], minlength=len(self.where.waves)
        )  # fmt: skip
        return pd.DataFrame(
            {"at": self.time(self.where.waves), "n_joined": size, "topic_shift": self.fate.wave_shift,
             "veterans_lost": self.fate.wave_veterans}
        )  # fmt: skip

    def true_troubles(self) -> pd.DataFrame:
        columns = ["starts_at", "ends_at", "user_id", "n_messages", "n_people"]
        rows = [
            (*self.time([told["start"] / DAY, told["end"] / DAY]), self.ids[told["author"]],
             told["n_messages"], told["n_people"])
            for told in self.troubles
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=columns)

    def add_bot(self, frames: dict[str, pd.DataFrame], number: int, rng) -> None:
        """Add one who writes each day at one hour and is not answered."""
        user = f"bot{number}"
        first = max(self.where.founded, 0.0)
        sent = self.time(np.arange(np.ceil(first), self.days) + (8 + number) / 24 + rng.random() / 100)
        rows = pd.DataFrame({"user_id": user, "sent_at": sent, "reply": -1, "topic": None, "text": BOT_LINE})
        frames["messages"] = pd.concat(
            [frames["messages"], rows.astype({"topic": object})], ignore_index=True
        )
        for name, more in (("members", {"role": "bot"}), ("truth_members", {"bot": True})):
            row = frames[name].iloc[[0]].copy()
            row[["user_id", "joined_at"]] = user, self.time([self.where.founded])[0]
            for column, value in more.items():
                row[column] = value
            if name == "truth_members":
                row[["influence", "n_messages"]] = 0.0, len(sent)
                row[["leader", "chatterbox", "lurker"]] = False
            row["invited_by"] = None
            frames[name] = pd.concat([frames[name], row], ignore_index=True)
