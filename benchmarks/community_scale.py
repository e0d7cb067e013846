"""A million messages of 100,000 members in 2,000 groups: ``python -m benchmarks.community_scale``.

The world is made and written to Parquet by one process; another reads the tables, then reads the
community from them, on one thread. The promise is about the second of these: its CPU seconds, and the
peak memory of the whole process, tables included.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np
import pandas as pd

AS_OF = "2026-07-01"
DAYS = 365


def _words(text: str) -> list[str]:
    return text.split()


TOPICS = ("parenting", "trendy_wear", "travel", "food", "stocks", "games", "home", "fitness")
WORDS = {
    "parenting": _words("辅食 绘本 幼儿园 尿布 亲子 睡前故事 疫苗 早教 stroller bedtime daycare toddler"),
    "trendy_wear": _words("联名 球鞋 潮牌 抽签 穿搭 限量 开箱 卫衣 sneakers drop streetwear hoodie"),
    "travel": _words("机票 签证 民宿 免税 攻略 转机 升舱 行李 visa lounge itinerary layover"),
    "food": _words("食谱 火锅 烘焙 咖啡 探店 甜品 早餐 外卖 recipe sourdough espresso ramen"),
    "stocks": _words("大盘 基金 止损 仓位 财报 分红 涨停 回撤 dividend earnings portfolio hedge"),
    "games": _words("副本 段位 皮肤 组队 公会 攻略本 抽卡 版本 raid ranked patch loot"),
    "home": _words("收纳 装修 地毯 沙发 扫地机 绿植 灯具 换季 storage carpet lamp declutter"),
    "fitness": _words("深蹲 有氧 拉伸 蛋白粉 跑步 体脂 打卡 教练 squat cardio protein marathon"),
}
COMMON = {
    "zh": _words(
        "大家 今天 这个 真的 觉得 可以 有没有 谁 怎么 推荐 谢谢 好的 收到 一起 哈哈 太好了 糟糕 失望"
    ),
    "en": _words(
        "anyone today this really think could thanks sure ok how recommend please great awful bad love"
    ),
}
MAX_PEAK_MB, MAX_CPU_SECONDS = 3000, 60
N_MESSAGES, N_MEMBERS, N_GROUPS = 1_000_000, 100_000, 2_000
READ = "reading the tables (not of the promise)"
INFERRED = "reply links, were none recorded (not of the promise)"
# What the parts may take, and what of a Community each is.
PARTS = {
    "replies and ties": (8, ("links", "ties")),
    "people: roles": (5, ("roles",)),
    "words, tone, core value": (10, ("words", "tones", "value")),
    "circles": (10, ("interests", "circles")),
    "people: filters": (3, ("filters",)),
    "health": (7, ("health",)),
    "scale": (3, ("bands", "splits", "merges", "core_groups")),
    "sharing": (3, ("sharing",)),
    "activities": (2, ("activities",)),
    "tables for labels and files": (np.nan, ("groups", "leaders", "measures")),
}


def make_world(
    n_messages: int = N_MESSAGES, n_members: int = N_MEMBERS, n_groups: int = N_GROUPS, seed: int = 0
) -> dict[str, pd.DataFrame]:
    """Return the tables messages, members, activities, events and content of a year of chat, made at once.

    Sizes of groups fall as rank ** -0.7, most below 500, as on platforms with a limit; one member in five is in
    a second group. Messages come in talks of a few people, about one topic, seconds to minutes apart; half
    of those after the first record what they answer. Who writes is very unequal. One group in twenty has
    a bot. Members came by invitation of earlier ones in two of five cases. Texts are Chinese in seven
    groups of ten, else English.

    Examples
    --------
    >>> world = make_world(500, 100, 5, seed=1)
    >>> len(world["messages"]), world["members"]["group_id"].nunique()
    (500, 5)
    """
    rng = np.random.default_rng(seed)
    roster, topic = _make_roster(n_members, n_groups, rng)
    talks = _make_talks(n_messages, roster, topic, rng)
    said = _make_messages(talks, roster, rng)
    first = said.groupby("row")["second"].min()
    joined = roster["joined"].to_numpy().copy()
    joined[first.index] = np.minimum(joined[first.index], first.to_numpy() - 60)
    roster["joined"] = joined
    return {
        "messages": _write_messages(said, roster, rng),
        "members": _write_members(roster, rng),
        "activities": _make_activities(n_groups, topic, rng),
        **_make_events(n_members, rng),
    }


def ids(letter: str, codes: np.ndarray) -> np.ndarray:
    """Return ids such as u0000012 for codes."""
    distinct, where = np.unique(codes, return_inverse=True)
    return np.array([f"{letter}{code:07d}" for code in distinct.tolist()], dtype=object)[where]


def moments(seconds: np.ndarray) -> pd.Series:
    """Return times at seconds before the date of the world."""
    return pd.Series(pd.Timestamp(AS_OF) + pd.to_timedelta(np.round(seconds).astype(np.int64), unit="s"))


def _make_roster(n_members: int, n_groups: int, rng) -> tuple[pd.DataFrame, np.ndarray]:
    share = np.arange(1, n_groups + 1) ** -0.7
    most = np.where(np.arange(n_groups) < 3, 1500, 500)
    n_rows = int(n_members * 1.2)
    size = np.clip(share / share.sum() * n_rows, 1, most)
    for _ in range(20):  # what the limit cuts off goes to the other groups
        size = np.clip(size * n_rows / size.sum(), 1, most)
    size = np.round(rng.permutation(size)).astype(int)
    group = np.repeat(np.arange(n_groups), size)
    user = np.r_[rng.permutation(n_members), rng.integers(0, n_members, len(group))][: len(group)]
    user = user[rng.permutation(len(user))]
    roster = pd.DataFrame({"group": group, "user": user}).drop_duplicates(ignore_index=True)
    n = len(roster)
    founded = -DAYS * 86400 * rng.uniform(0.2, 1.0, n_groups)
    roster["joined"] = founded[roster["group"]] * (1 - rng.beta(1, 1.5, n))
    roster["left"] = np.where(rng.random(n) < 0.08, roster["joined"] * rng.random(n), np.nan)
    roster["activity"] = rng.lognormal(0, 1.6, n) * (rng.random(n) < 0.6)  # two in five only read
    roster["bot"] = False
    starts = np.flatnonzero(~roster["group"].duplicated().to_numpy())
    roster.loc[starts, "activity"] += 1.0  # somebody in every group can write
    roster.loc[starts[::20], "bot"] = True
    return roster, rng.integers(0, len(TOPICS), n_groups)


def _make_talks(n_messages: int, roster: pd.DataFrame, topic: np.ndarray, rng) -> pd.DataFrame:
    """Return talks: group, second, n messages, topic."""
    n_groups = len(topic)
    heat = np.bincount(roster["group"], minlength=n_groups) ** 0.8 * rng.lognormal(0, 0.8, n_groups)
    length = np.minimum(rng.geometric(1 / 8, n_messages), 60)  # more than enough, then cut
    length = length[: np.searchsorted(np.cumsum(length), n_messages) + 1]
    length[-1] -= length.sum() - n_messages
    n = len(length)
    founded = roster.groupby("group")["joined"].min().to_numpy()
    group = np.searchsorted(np.cumsum(heat) / heat.sum(), rng.random(n)).clip(max=n_groups - 1)
    strays = rng.random(n) < 0.3
    second = founded[group] * rng.random(n)
    hour = np.array([9, 12, 18, 20, 21, 22])[rng.integers(0, 6, n)] * 3600 + rng.integers(0, 3600, n)
    second = np.floor(second / 86400) * 86400 + hour
    return pd.DataFrame(
        {
            "group": group,
            "second": np.minimum(second, -7200),
            "length": length,
            "topic": np.where(strays, rng.integers(0, len(TOPICS), n), topic[group]),
        }
    )


def _make_messages(talks: pd.DataFrame, roster: pd.DataFrame, rng) -> pd.DataFrame:
    """Return messages: row of the roster, talk, second, topic, and the place of the one answered."""
    length = talks["length"].to_numpy()
    talk = np.repeat(np.arange(len(talks)), length)
    n = len(talk)
    start = np.r_[0, np.cumsum(length)[:-1]]
    place = np.arange(n) - start[talk]
    gap = np.where(place == 0, 0, np.minimum(rng.lognormal(3.6, 1.1, n), 1800))
    elapsed = np.cumsum(gap)
    second = talks["second"].to_numpy()[talk] + elapsed - elapsed[start][talk]
    # Up to six people of the group take part in a talk, the active ones in more of them.
    sums = np.cumsum(roster["activity"].to_numpy())
    first = np.searchsorted(roster["group"].to_numpy(), np.arange(roster["group"].max() + 2))
    edge = np.r_[0, sums][first]
    group = talks["group"].to_numpy()
    low, high = edge[group], edge[group + 1]
    cast = np.searchsorted(
        sums, low[:, None] + (high - low)[:, None] * rng.random((len(talks), 6)), side="right"
    )
    cast = np.clip(cast, first[group][:, None], first[group + 1][:, None] - 1)
    said = pd.DataFrame(
        {
            "row": cast[talk, np.minimum(rng.geometric(0.45, n) - 1, 5)],
            "second": np.minimum(second, -60).round(),
            "topic": talks["topic"].to_numpy()[talk],
        }
    )
    back = np.minimum(rng.geometric(0.55, n), place)
    answers, row = np.arange(n) - back, said["row"].to_numpy()
    another = (row[answers] != row) | (rng.random(n) < 0.01)  # hardly anybody answers themselves
    said["answers"] = np.where((back > 0) & another & (rng.random(n) < 0.6), answers, -1)
    return said


def _write_messages(said: pd.DataFrame, roster: pd.DataFrame, rng) -> pd.DataFrame:
    n = len(said)
    row = said["row"].to_numpy()
    group, user = roster["group"].to_numpy()[row], roster["user"].to_numpy()[row]
    message_id = ids("m", np.arange(n))
    answers = said["answers"].to_numpy()
    reply_to = np.where(answers >= 0, message_id[answers], None)
    reply_to[rng.random(n) < 0.002] = "m9999999"  # answers to messages that are gone
    text = _write_texts(said["topic"].to_numpy(), group % 10 < 7, rng)
    names = ids("u", user)
    before = np.maximum(np.arange(n) - rng.integers(1, 4, n), 0)
    named = np.flatnonzero((group[before] == group) & (rng.random(n) < 0.05))
    text[named] = [f"@{name} {said}" for name, said in zip(names[before[named]], text[named], strict=True)]
    return pd.DataFrame(
        {
            "message_id": message_id,
            "group_id": ids("g", group),
            "user_id": names,
            "sent_at": moments(said["second"].to_numpy()),
            "reply_to": reply_to,
            "topic": np.array(TOPICS, dtype=object)[said["topic"].to_numpy()],
            "text": text,
        }
    )


def _write_texts(topic: np.ndarray, chinese: np.ndarray, rng, n_each: int = 2000) -> np.ndarray:
    """Return a short text for each message, out of a stock of so many for each topic and language."""
    stock = []
    for own in WORDS.values():
        for language, glue in (("zh", ""), ("en", " ")):
            words = np.array([*own[:8], *COMMON["zh"]] if language == "zh" else [*own[8:], *COMMON["en"]])
            chance = np.r_[
                np.full(len(own[:8] if language == "zh" else own[8:]), 3.0), np.ones(len(COMMON[language]))
            ]
            picked = words[rng.choice(len(words), (n_each, 8), p=chance / chance.sum())]
            length, mark = rng.integers(1, 9, n_each), rng.random(n_each) < 0.15
            stock += [
                glue.join(w[:k]) + ("?" if m else "") for w, k, m in zip(picked, length, mark, strict=True)
            ]
    place = (topic * 2 + ~chinese) * n_each + rng.integers(0, n_each, len(topic))
    return np.array(stock, dtype=object)[place]


def _write_members(roster: pd.DataFrame, rng) -> pd.DataFrame:
    ordered = roster.sort_values(["group", "joined"], ignore_index=True)
    n = len(ordered)
    group = ordered["group"].to_numpy()
    start = np.searchsorted(group, group)
    place = np.arange(n) - start
    names = ids("u", ordered["user"].to_numpy())
    inviter = names[start + (place * rng.random(n) ** 2).astype(int)]
    role = np.where(place == 0, "owner", np.where((place < 3) & (place > 0), "admin", "member")).astype(
        object
    )
    role[ordered["bot"].to_numpy()] = "bot"
    left = ordered["left"].to_numpy()
    return pd.DataFrame(
        {
            "group_id": ids("g", group),
            "user_id": names,
            "joined_at": moments(ordered["joined"].to_numpy()),
            "left_at": moments(np.where(np.isnan(left), -1, left)).where(~np.isnan(left)),
            "role": role,
            "invited_by": np.where((place > 0) & (rng.random(n) < 0.4), inviter, None),
        }
    )


def _make_activities(n_groups: int, topic: np.ndarray, rng) -> pd.DataFrame:
    group = np.sort(rng.integers(0, n_groups, n_groups))
    starts = -86400 * rng.integers(5, DAYS // 2, n_groups) + 20 * 3600
    return pd.DataFrame(
        {
            "activity_id": ids("a", np.arange(n_groups)),
            "group_id": ids("g", group),
            "starts_at": moments(starts),
            "ends_at": moments(starts + 86400),
            "topic": np.array(TOPICS, dtype=object)[topic[group]],
            "title": "打卡周 weekly challenge",
        }
    )


def _make_events(n_members: int, rng) -> dict[str, pd.DataFrame]:
    """Return events with items of the topics, a few of them far more liked than the others, and these items."""
    n, n_items = 3 * n_members, max(n_members // 50, 10)
    words = np.array(["like", "view", "share", "invite"], dtype=object)
    topic = rng.integers(0, len(TOPICS), n_items)
    popular = np.cumsum(np.arange(1, n_items + 1) ** -0.8)
    item = np.searchsorted(popular / popular[-1], rng.random(n))
    events = {
        "user_id": ids("u", rng.integers(0, n_members, n)),
        "event_time": moments(-DAYS * 86400 * rng.random(n) - 1),
        "event": words[rng.choice(4, n, p=[0.4, 0.45, 0.1, 0.05])],
        "item_id": ids("i", item),
        "topic": np.array(TOPICS, dtype=object)[topic[item]],
    }
    content = {
        "item_id": ids("i", np.arange(n_items)),
        "topic": np.array(TOPICS, dtype=object)[topic],
        "format": np.array(["short video", "article", "picture"], dtype=object)[rng.integers(0, 3, n_items)],
        "duration_seconds": rng.integers(5, 600, n_items).astype(float),
    }
    return {"events": pd.DataFrame(events), "content": pd.DataFrame(content)}


def plant(folder: Path, sizes: tuple[int, int, int], seed: int) -> None:
    """Write the tables of a world into a folder."""
    for name, table in make_world(*sizes, seed=seed).items():
        table.to_parquet(folder / f"{name}.parquet", index=False)


def measure(folder: Path) -> list[dict]:
    """Read the tables, then part after part of the community; say what each took in this process."""
    from segtool.community.community import read_community
    from segtool.community.replies.replies import infer_replies
    from segtool.sources import Sources

    rows = []

    def clock(part: str, budget: float, make):
        start, made, broke = time.process_time(), None, ""
        try:
            made = make()
        except Exception as error:  # one part that breaks must not hide what the others take
            traceback.print_exc()
            broke = type(error).__name__
        spent = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rows.append({"part": part, "cpu_s": spent, "budget_s": budget, "peak_mb": peak, "broke": broke})
        return made

    tables = {path.stem: path for path in sorted(folder.glob("*.parquet"))}
    sources = clock(READ, np.nan, lambda: Sources.read(tables, as_of=AS_OF, timezone="Asia/Shanghai"))
    community = clock("talk", 6, lambda: read_community(sources))
    for part, (budget, names) in PARTS.items():
        clock(part, budget, lambda names=names: [getattr(community, name) for name in names])
    clock(INFERRED, np.nan, lambda: infer_replies(community.talk))
    return rows


def run_once(sizes: tuple[int, int, int], seed: int) -> pd.DataFrame:
    """Plant in one process and measure in another."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.community_scale", "--seed", str(seed)]
    command += ["--sizes", *map(str, sizes)]
    with tempfile.TemporaryDirectory() as folder:
        for part in ("--plant", "--measure"):
            done = subprocess.run(
                [*command, part, folder], stdout=subprocess.PIPE, text=True, check=True, env=environment
            )
    return pd.DataFrame(json.loads(done.stdout.splitlines()[-1]))


def check_targets(parts: pd.DataFrame) -> list[tuple[str, bool]]:
    """Compare what was spent with what was promised."""
    spent = parts.loc[~parts["part"].isin([READ, INFERRED]), "cpu_s"].sum()
    peak = parts["peak_mb"].max()
    return [
        (f"the community read under {MAX_CPU_SECONDS} s of CPU: {spent:.1f}", spent < MAX_CPU_SECONDS),
        ("no part breaks", bool((parts["broke"] == "").all())),
        (f"under {MAX_PEAK_MB:,} MB, tables included: {peak:,.0f}", peak < MAX_PEAK_MB),
    ]


def main() -> None:
    """Run, print what each part took and which promises hold; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sizes", type=int, nargs=3, default=(N_MESSAGES, N_MEMBERS, N_GROUPS))
    parser.add_argument("--plant", help=argparse.SUPPRESS)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    said = parser.parse_args()
    sizes = tuple(said.sizes)
    if said.quick:
        sizes = tuple(n // 10 for n in sizes)
    if said.plant:
        plant(Path(said.plant), sizes, said.seed)
        return
    if said.measure:
        print(json.dumps(measure(Path(said.measure))))
        return
    parts = run_once(sizes, said.seed)
    print("{:,} messages, {:,} members, {:,} groups; seed {}".format(*sizes, said.seed))
    print(parts.round(1).to_string(index=False))
    targets = check_targets(parts)
    for promise, holds in targets:
        print(f"{'MET' if holds else 'MISSED'}: {promise}")
    sys.exit(0 if all(holds for _, holds in targets) else 1)


if __name__ == "__main__":
    main()
