"""Inferred reply links against annotated ones: ``python -m benchmarks.reply_links [FILE]``.

Four IRC channels in which people said of 600 lines each what they answer (Kummerfeld et al. 2019,
Gouravajhala et al. 2023, CC BY 4.0). The file is no part of segtool: it is looked for at the path given,
at that in SEGTOOL_IRC_LINKS, then beside the project; without it nothing is measured. A channel's links are
inferred with coefficients fitted on the other three. Rows:

segtool             `infer_replies` with its defaults
segtool, no texts   the same where an export has times only
previous speaker    the last line of somebody else
named in the text   the last line of the person named, none where nobody is
named, else previous
ids by chance       `infer_replies` where lines of the same minute have ids that do not follow time, with the
                    coefficients of the package

What counts are links between two people, since going on from one's own line ties nobody: a link is right where
the annotators named the line, found where they named any line of another person. "ties_alike" is the cosine of who
answers whom how often, by the links (segtool's counted by their probability) and by the annotators. "planted"
counts lines that answer another person; some answer two.

Then the simulated community `simulate_circle` (random_state 11), slow chats of which only a share of the answers is on
record: leaders and verdicts. What links in slow chats are worth was set on its seeds 501 to 504.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from pathlib import Path
from pprint import pformat

import numpy as np
import pandas as pd

from segtool.community.community import read_community
from segtool.community.replies import replies
from segtool.community.replies.names import find_named, read_names
from segtool.community.settings import CommunitySettings
from segtool.community.talk import Talk, read_talk
from segtool.sources import Sources
from segtool.sources.simulate import simulate_circle

BESIDE = ("../shared/data/irc_mini/irc_four_channels.csv.gz", "../shared/data/irc_mini")
SYSTEM = "system"  # lines without an author: joins, evaluations
SETTINGS = CommunitySettings(bots=(SYSTEM,))
OWN, NO_TEXTS = "segtool", "segtool, no texts"
PREVIOUS, NAMED, EITHER = "previous speaker", "named in the text", "named, else previous"
COUNTS = ["lines", "links", "right", "right person", "planted"]
MOST_ERROR = 0.05
KEPT = (1.0, 0.3, 0.05, 0.01, 0.0)  # of the recorded answers
MOST_FALSE = 0.1  # of the leaders named
CREDIT = (
    "600 annotated lines each of four IRC channels on software (Kummerfeld et al. 2019, Gouravajhala et al. 2023,"
    " CC BY 4.0), in English"
)


def find_file(given: str | None) -> Path | None:
    """Return the annotated lines, or None."""
    for path in (given, os.environ.get("SEGTOOL_IRC_LINKS"), *BESIDE):
        place = Path(path) if path else None
        if place and place.is_dir():
            place = next(iter(sorted(place.glob("*.csv.gz"))), None)
        if place and place.is_file():
            return place
    return None


def read_lines(path: Path) -> pd.DataFrame:
    """Return the lines as messages: a log is a group; lines without a time have that of the line before."""
    lines = pd.read_csv(path, dtype={"reply_to_lines": str})
    lines["user_id"] = lines["user"].fillna(SYSTEM)
    time = pd.to_datetime(lines["date"] + " " + lines["time"], format="mixed")
    time = time.groupby(lines["log"]).transform(lambda own: own.ffill().bfill())
    lines["sent_at"] = time.groupby(lines["log"]).cummax()
    lines["message_id"] = lines["log"] + "-" + lines["line"].astype(str).str.zfill(5)
    return lines.rename(columns={"log": "group_id"}).sort_values("message_id", ignore_index=True)


def read_links(lines: pd.DataFrame) -> pd.DataFrame:
    """Return message_id, answers and channel of the annotated lines; a line that names itself answers none."""
    said = lines[lines["reply_to_lines"].notna()]
    links = said.assign(to=said["reply_to_lines"].str.split()).explode("to")
    to = links["group_id"] + "-" + links["to"].str.zfill(5)
    links["answers"] = to.where(to != links["message_id"], None)
    return links[["message_id", "answers", "channel"]].reset_index(drop=True)


def read_world(lines: pd.DataFrame, *, texts: bool) -> Talk:
    """Read the lines as an export without reply links."""
    columns = ["message_id", "group_id", "user_id", "sent_at", *(["text"] if texts else [])]
    as_of = lines["sent_at"].max() + pd.Timedelta(days=1)
    return read_talk(Sources.read({"messages": lines[columns]}, as_of=as_of), SETTINGS)


def link_previous(talk: Talk) -> np.ndarray:
    """Link every message to the last one of somebody else in its group."""
    answers = np.full(len(talk.messages), -1)
    rows = np.flatnonzero(talk.by_people)
    group, user = (talk.messages[name].to_numpy()[rows] for name in ("group", "user"))
    last = 0  # start of the run of the author's own messages
    for place in range(1, len(rows)):
        if user[place] != user[place - 1] or group[place] != group[place - 1]:
            last = place
        if last and group[last - 1] == group[place]:
            answers[rows[place]] = rows[last - 1]
    return answers


def link_named(talk: Talk) -> np.ndarray:
    """Link every message that names somebody to that person's last message in the group."""
    answers = np.full(len(talk.messages), -1)
    rows, users, _ = find_named(talk.texts(), read_names(talk))
    named = {}
    for row, user in zip(rows.tolist(), users.tolist(), strict=True):
        named.setdefault(row, []).append(user)
    last = {}
    pairs = zip(talk.messages["group"].tolist(), talk.messages["user"].tolist(), strict=True)
    for row, (group, user) in enumerate(pairs):
        own = [last[group, other] for other in named.get(row, []) if other != user and (group, other) in last]
        answers[row] = max(own, default=-1)
        last[group, user] = row
    return answers


def judge(talk: Talk, answers: np.ndarray, truth: dict[int, set[int]]) -> pd.DataFrame:
    """Say of each annotated line whether it is linked, rightly, to the right person, and whether a link was there."""
    user = talk.messages["user"].to_numpy()
    lines = []
    for row, own in truth.items():
        others = {to for to in own if user[to] != user[row]}
        to = answers[row]
        right_person = to >= 0 and user[to] in {user[other] for other in others}
        lines.append((1, to >= 0, to in others, right_person, bool(others)))
    return pd.DataFrame(lines, columns=COUNTS).astype(int)


def compare_ties(talk: Talk, answers: np.ndarray, sure: np.ndarray, truth: dict[int, set[int]]) -> float:
    """Return the cosine of who answers whom how often, as linked and as annotated, over the annotated lines."""
    group, user = talk.messages["group"].to_numpy(), talk.messages["user"].to_numpy()
    counts: dict[tuple, list[float]] = {}
    for row, own in truth.items():
        people = {user[to] for to in own} - {user[row]}
        for other in people:
            counts.setdefault((group[row], user[row], other), [0.0, 0.0])[0] += 1 / len(people)
        if answers[row] >= 0:
            counts.setdefault((group[row], user[row], user[answers[row]]), [0.0, 0.0])[1] += sure[row]
    theirs, ours = np.array(list(counts.values())).T
    return float(theirs @ ours / np.sqrt((theirs @ theirs) * (ours @ ours)))


def find_rows(lines: pd.DataFrame, links: pd.DataFrame, channel: str) -> dict[int, set[int]]:
    """Return row -> rows it answers for the annotated lines of a channel."""
    place = pd.Series(np.arange(len(lines)), index=lines["message_id"])
    own = links[links["channel"] == channel]
    to = place.reindex(own["answers"]).fillna(-1).astype(int)
    found: dict[int, set[int]] = {}
    for row, other in zip(place[own["message_id"]].tolist(), to.tolist(), strict=True):
        found.setdefault(row, set()).update([other] if other >= 0 else [])
    return found


def run(lines: pd.DataFrame, links: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one row per annotated line and method, and the probabilities of all links with whether they are right."""
    talk, bare = (read_world(lines, texts=texts) for texts in (True, False))
    # The rows of the talk must be those of the file, or every figure below is nonsense.
    ids = lines.sort_values(["group_id", "sent_at", "message_id"])["message_id"].to_numpy()
    order = pd.Index(ids).get_indexer(lines["message_id"])
    assert (order == np.arange(len(lines))).all()
    previous, named = link_previous(talk), link_named(talk)
    rows, chances = [], []
    for channel in sorted(links["channel"].unique()):
        truth = find_rows(lines, links, channel)
        others = links[links["channel"] != channel]
        found = {PREVIOUS: previous, NAMED: named, EITHER: np.where(named >= 0, named, previous)}
        sure = dict.fromkeys(found, np.ones(len(previous)))
        for name, world in ((OWN, talk), (NO_TEXTS, bare)):
            model = replies.fit_reply_model(world, others, SETTINGS, "the other channels")
            inferred = replies.infer_replies(world, SETTINGS, model)
            found[name], sure[name] = inferred.reply, inferred.sure
            told = [row for row in truth if inferred.reply[row] >= 0]
            right = [inferred.reply[row] in truth[row] for row in told]
            own = {"method": name, "channel": channel, "chance": inferred.sure[told], "right": right}
            chances.append(pd.DataFrame(own))
        for method in (OWN, NO_TEXTS, PREVIOUS, NAMED, EITHER):
            alike = compare_ties(talk, found[method], sure[method], truth)
            judged = judge(talk, found[method], truth)
            rows.append(judged.assign(channel=channel, method=method, ties_alike=alike))
    return pd.concat(rows, ignore_index=True), pd.concat(chances, ignore_index=True)


def link_by_chance_ids(
    lines: pd.DataFrame, links: pd.DataFrame, seed: int = 3
) -> tuple[pd.Series, float, float]:
    """Return the counts, what the links claim and the share right where ids say nothing of the order."""
    drawn = np.random.default_rng(seed).permutation(len(lines))
    other = lines.assign(message_id=[f"x{number:06d}" for number in drawn])
    name = dict(zip(lines["message_id"], other["message_id"], strict=True))
    links = links.assign(message_id=links["message_id"].map(name), answers=links["answers"].map(name))
    talk = read_world(other, texts=True)
    other = other.sort_values(["group_id", "sent_at", "message_id"], ignore_index=True)
    found = replies.infer_replies(talk, SETTINGS)
    truth = {}
    for channel in links["channel"].unique():
        truth |= find_rows(other, links, channel)
    told = [row for row in truth if found.reply[row] >= 0]
    right = np.mean([found.reply[row] in truth[row] for row in told])
    return judge(talk, found.reply, truth).sum(), float(found.sure[told].mean()), float(right)


def read_in_part(share: float) -> dict:
    """Return what is said of a simulated community of which a share of the answers is on record."""
    world = simulate_circle(random_state=11, tables=("messages", "members", "groups"))
    tables = {name: world.tables[name].copy() for name in ("messages", "members", "groups")}
    messages = tables["messages"]
    kept = np.random.default_rng(0).random(len(messages)) < share
    messages["reply_to"] = messages["reply_to"].where(messages["reply_to"].isna() | kept, None)
    community = read_community(Sources.read(tables, as_of=world.as_of, timezone=world.timezone))
    members = community.roles.members
    pair = ["group_id", "user_id"]
    named = set(map(tuple, members.loc[members["role"] == "leader", pair].to_numpy()))
    planted = set(map(tuple, world.truth["leaders"][pair].to_numpy()))
    verdicts = community.health.table.set_index("group_id")["verdict"]
    return {
        "kept": share, "on record": int(messages["reply_to"].notna().sum()), "messages": len(messages),
        "basis": community.roles.basis, "leaders named": len(named), "right": len(named & planted),
        "planted": len(planted), "answered rate": members["answered_rate"].mean(), **verdicts.to_dict(),
    }  # fmt: skip


def report_parts() -> bool:
    """Print what is said where answers are recorded in part; return whether what was promised holds."""
    parts = pd.DataFrame([read_in_part(share) for share in KEPT])
    print(parts.round(3).to_string(index=False))
    wrong = (parts["leaders named"] - parts["right"]).sum()
    most = int(MOST_FALSE * parts["leaders named"].sum())
    dead = (parts["g07"] == "dead").all()
    print(
        f"{'MET' if wrong <= most else 'MISSED'}: recorded in part, at most {MOST_FALSE:.0%} of leaders wrong ({wrong})"
    )
    print(f"{'MET' if dead else 'MISSED'}: the dead group is called dead however few answers are on record")
    return bool(wrong <= most and dead)


def count(rows: pd.DataFrame) -> pd.DataFrame:
    """Return precision, recall, F1 and the share of links to the right person, by channel and over all."""
    sums = dict.fromkeys(COUNTS, "sum") | {"ties_alike": "mean"}
    own = rows.groupby(["channel", "method"], sort=False).agg(sums).reset_index()
    total = rows.groupby("method", sort=False).agg(sums).reset_index().assign(channel="all")
    return add_shares(pd.concat([own, total], ignore_index=True))


def f1_above(rows: pd.DataFrame, peer: str, n: int = 1000) -> tuple[float, float, float]:
    """Return how much segtool's F1 lies above that of a peer, lo, hi: 95 %, lines drawn anew."""
    drawn = np.random.default_rng(0)
    sides = [rows.loc[rows["method"] == method, COUNTS].to_numpy() for method in (OWN, peer)]
    place = drawn.integers(0, len(sides[0]), (n, len(sides[0])))
    place = np.vstack([np.arange(len(sides[0])), place])
    links, right, planted = (COUNTS.index(name) for name in ("links", "right", "planted"))
    mine, theirs = (
        2
        * side[place, right].sum(axis=1)
        / (side[place, links].sum(axis=1) + side[place, planted].sum(axis=1))
        for side in sides
    )
    return (mine - theirs)[0], *np.quantile((mine - theirs)[1:], [0.025, 0.975])


def add_shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Add precision, recall and F1."""
    links, planted = rows["links"].clip(lower=1), rows["planted"].clip(lower=1)
    return rows.assign(
        precision=rows["right"] / links,
        recall=rows["right"] / planted,
        f1=2 * rows["right"] / (rows["links"] + rows["planted"]).clip(lower=1),
        person=rows["right person"] / links,
    )


def expected_error(chances: pd.DataFrame) -> float:
    """Return the expected calibration error over ten equal steps of probability."""
    step = np.minimum((chances["chance"] * 10).astype(int), 9)
    gap = chances.groupby(step).apply(lambda own: len(own) * abs(own["chance"].mean() - own["right"].mean()))
    return float(gap.sum() / len(chances))


def check_targets(rows: pd.DataFrame, chances: pd.DataFrame) -> list[tuple[str, bool]]:
    """Compare what was found with what was promised."""
    table = count(rows)
    f1 = table.pivot(index="channel", columns="method", values="f1")
    alike = table[table["channel"] == "all"].set_index("method")["ties_alike"]
    error = expected_error(chances[chances["method"] == OWN])
    targets = []
    for peer in (PREVIOUS, NAMED, EITHER):
        above, lo, hi = f1_above(rows, peer)
        promise = f"F1 above that of '{peer}' in every channel; over all by {above:.3f} [{lo:.3f}, {hi:.3f}]"
        targets.append((promise, bool((f1[OWN] > f1[peer]).all()) and lo > 0))
        promise = (
            f"ties more like the annotators' than by '{peer}': {alike[OWN]:.3f} against {alike[peer]:.3f}"
        )
        targets.append((promise, alike[OWN] > alike[peer]))
    return [
        *targets,
        (
            "without texts: F1 over all above that of 'previous speaker'",
            f1.loc["all", NO_TEXTS] > f1.loc["all", PREVIOUS],
        ),
        (
            f"expected calibration error of all links together at most {MOST_ERROR} ({error:.3f})",
            error <= MOST_ERROR,
        ),
    ]


def write_coefficients(lines: pd.DataFrame, links: pd.DataFrame) -> str:
    """Return the source of segtool/community/replies/coefficients.py, fitted on all channels."""
    text = [
        '"""Coefficients of reply links, as `python -m benchmarks.reply_links --write` prints them."""',
        "", "from segtool.community.replies.model import LinkModel", "", "FITTED_ON = (",
        *(f'    "{part}"' for part in textwrap.wrap(CREDIT, 100, drop_whitespace=False)), ")", "",
    ]  # fmt: skip
    for name, texts in (("WITH_TEXT", True), ("WITHOUT_TEXT", False)):
        model = replies.fit_reply_model(read_world(lines, texts=texts), links, SETTINGS)
        pair, start = (pformat(part, sort_dicts=False) for part in (model.pair, model.start))
        text.append(f"{name} = LinkModel(\n    pair={pair},\n    start={start},\n    fitted_on=FITTED_ON,\n)")
    return "\n".join(text)


def main() -> None:
    """Run all channels, print the table and which promises hold; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", help="the annotated lines, a CSV")
    parser.add_argument("--write", action="store_true", help="print the coefficients fitted on all channels")
    parser.add_argument("--quick", action="store_true", help="the same: it takes seconds")
    parser.add_argument("--parts", action="store_true", help="also answers recorded in part (half a minute)")
    said = parser.parse_args()
    path = find_file(said.file)
    if path is None:
        print("not measured: no annotated lines were found; give their path, or set SEGTOOL_IRC_LINKS")
        if said.parts:
            sys.exit(0 if report_parts() else 1)
        return
    lines = read_lines(path)
    links = read_links(lines)
    if said.write:
        print(write_coefficients(lines, links))
        return
    rows, chances = run(lines, links)
    print(count(rows).round(3).to_string(index=False))
    for name, own in chances.groupby("method", sort=False):
        by_channel = " ".join(
            f"{channel} {expected_error(part):.3f}" for channel, part in own.groupby("channel")
        )
        print(
            f"{name}: expected calibration error {expected_error(own):.3f} over {len(own):,} links ({by_channel})"
        )
        within = [expected_error(part) for _, part in own.groupby("channel")]
        print(
            f"    at most {MOST_ERROR} within {sum(error <= MOST_ERROR for error in within)} of {len(within)} channels"
        )
    counts, claimed, right = link_by_chance_ids(lines, links)
    print(add_shares(counts.to_frame().T).round(3).to_string(index=False))
    print(f"ids by chance: {claimed:.3f} of the links claimed to be right, {right:.3f} are")
    least = chances[chances["method"] == OWN]
    for chance in (0.35, 0.5, 0.7, 0.9):
        kept = least[least["chance"] >= chance]
        print(
            f"links of probability {chance} and more: {len(kept):,}, of which right {kept['right'].mean():.3f}"
        )
    targets = check_targets(rows, chances)
    for promise, is_met in targets:
        print(f"{'MET' if is_met else 'MISSED'}: {promise}")
    parts_met = report_parts() if said.parts else True
    sys.exit(0 if all(is_met for _, is_met in targets) and parts_met else 1)


if __name__ == "__main__":
    main()
