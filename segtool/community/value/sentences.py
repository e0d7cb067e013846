"""What is known of each group's talk, in a sentence."""

from __future__ import annotations

import pandas as pd

from segtool.display import join_words

TOLD = 3  # topics and terms a sentence names


def tell_groups(
    table: pd.DataFrame,
    terms: pd.DataFrame,
    topics: pd.DataFrame,
    neighbours: pd.DataFrame,
    drift: pd.DataFrame,
    min_people: int,
) -> pd.DataFrame:
    """Add topics, terms, new_terms (texts) and sentence to the table of groups.

    Parameters
    ----------
    table, terms, topics, neighbours, drift : DataFrame
        As of `CoreValue`.
    min_people : int
        Fewer people in two groups are not told by number.

    Returns
    -------
    DataFrame
        The table with four more columns.
    """
    tables = {
        "terms": terms,
        "topics": topics.rename(columns={"index": "index_"}),
        "neighbours": neighbours,
        "drift": drift,
    }
    by_group = {name: _rows_by_group(each) for name, each in tables.items()}
    titles = dict(zip(table["group_id"], table["title"], strict=True))
    rows = []
    for row in table.itertuples(index=False):
        own = {name: found.get(row.group_id, []) for name, found in by_group.items()}
        rows.append(
            {
                "topics": ", ".join(map(_tell_topic, own["topics"][:TOLD])),
                "terms": _list(own["terms"]),
                "new_terms": _list(own["drift"]),
                "sentence": _tell(row, own, titles, min_people),
            }
        )
    told = pd.DataFrame(rows, columns=["topics", "terms", "new_terms", "sentence"], dtype=object)
    return pd.concat([table, told], axis=1)


def _rows_by_group(table: pd.DataFrame) -> dict[str, list]:
    """Return the rows of each group, in their order; frames of each would take a minute at thousands of groups."""
    found: dict[str, list] = {}
    for row in table.itertuples(index=False):
        found.setdefault(row.group_id, []).append(row)
    return found


def _list(rows: list) -> str:
    return ", ".join(row.term for row in rows)


def _tell_topic(row) -> str:
    """Return a topic with share and index: "deals 42% (index 310)"."""
    return f"{row.topic} {row.share:.0%}{_tell_index(row)}"


def _tell_index(row) -> str:
    if pd.isna(row.index_):
        return ""
    return " (nowhere else)" if row.elsewhere == 0 else f" (index {row.index_:.0f})"


def _tell(row, own: dict, titles: dict, min_people: int) -> str:
    parts = [_tell_talk(row, own, min_people), _tell_charter(row), _tell_drift(row, own["drift"])]
    parts.append(_tell_neighbour(own["neighbours"], titles, min_people))
    return " ".join(part for part in parts if part)


def _tell_talk(row, own: dict, min_people: int) -> str:
    if not row.n_messages:
        return "Nobody wrote here."
    if row.n_people < min_people:
        return "Too few people wrote to say what about."
    marked = [topic for topic in own["topics"] if topic.distinctive][:TOLD]
    said = [f"{topic.topic}{_tell_index(topic)}" for topic in marked] or [
        topic.topic for topic in own["topics"][:TOLD]
    ]
    text = f"Talks about {join_words(said)}." if said else ""
    if own["terms"]:
        text += f" Its own words: {_list(own['terms'][: 2 * TOLD])}."
    return text.strip() or "Nothing sets its words apart."


def _tell_charter(row) -> str:
    if pd.isna(row.charter):
        return "What it is for is not stated."
    source = "" if row.charter_from == "stated" else f" (assumed from {row.charter_from})"
    if pd.isna(row.core_share):
        return (
            f"It is for {row.charter}{source}; too few messages of a known topic ({row.n_topic:,}) to judge."
        )
    where = " of its second half" if row.charter_from == "its first half" else ""
    return (
        f"It is for {row.charter}{source}: {row.core_share:.0%} of {row.n_topic:,} messages{where}"
        f" ({row.core_lo:.0%} to {row.core_hi:.0%})."
    )


def _tell_drift(row, drift: list) -> str:
    parts = []
    if row.change_hi < 0 or row.change_lo > 0:  # a missing change is neither
        parts.append(f"Lately {row.core_recent:.0%}, before {row.core_before:.0%}.")
    if drift:
        parts.append(f"New: {_list(drift[:TOLD])}.")
    return " ".join(parts)


def _tell_neighbour(neighbours: list, titles: dict, min_people: int) -> str:
    if not neighbours:
        return ""
    first = neighbours[0]
    name = titles[first.neighbour_id] or first.neighbour_id
    n = first.shared_people
    both = f"{n:,} people in both" if n >= min_people or not n else f"fewer than {min_people} people in both"
    here = [text for text in (first.own_topic, first.own_terms) if text and pd.notna(text)]
    there = [text for text in (first.their_topic, first.their_terms) if text and pd.notna(text)]
    apart = [
        f"more {', '.join(words)} {where}" for words, where in ((here, "here"), (there, "there")) if words
    ]
    return f"Nearest: {name} ({'; '.join([both, *apart])})."
