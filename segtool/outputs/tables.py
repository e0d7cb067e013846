"""The tables that leave, each as it may be seen: the same for files, the command line and the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from segtool.outputs.csv_files import write_csv
from segtool.outputs.ledger import FROM_SELECT, write_claims
from segtool.outputs.plan_tables import TOLD, list_advice, mask_rows
from segtool.outputs.privacy import hash_ids, hide_small_sizes
from segtool.outputs.sensitive import AMONG, cut_within, mentions, without_labels, words_of
from segtool.outputs.settings import ExportSettings
from segtool.outputs.small_shares import mask_sentences, say_share
from segtool.targeting import explain_stages
from segtool.targeting.feedback.blocks import human_queue

MANY_SEPARATOR = ": "
PERSONA_COLUMNS = (
    "user_id",
    "persona_id",
    "persona",
    "membership",
    "runner_up",
    "unsure",
    "sentence",
    "holdout",
)


def write_tables(
    folder: Path,
    sources,
    labels,
    personas,
    plan,
    holdout,
    settings: ExportSettings,
    inside,
    key: bytes | None,
    pixels=None,
) -> dict[str, int]:
    """Write every table, and return file name -> rows."""
    told = None if pixels is None else pixels.without(inside)
    tables: dict[str, pd.DataFrame | Iterable[pd.DataFrame]] = {
        "labels.csv": list_labels(labels, inside),
        "personas.csv": list_personas(labels, personas, holdout, inside, told),
        "portraits.csv": list_portraits(labels, personas, settings.min_cell, inside),
        "targeting.csv": list_targeting(plan, settings.min_cell),
        "advice.csv": list_advice(plan, settings.min_cell),
        "user_topics.csv": list_user_topics(plan, holdout),
    }
    if told is not None:
        tables["pixels.csv"] = list_pixels(told, settings.min_cell)
    disputed = list_conflicts(labels, inside, hide_authors=key is not None)
    if len(disputed):
        tables["conflicts.csv"] = disputed
    blocks = getattr(plan, "blocks", None)
    if blocks is not None and len(waiting := human_queue(blocks)):
        tables["human_queue.csv"] = waiting
    (folder / "rejected").mkdir()
    for table in sources.tables:
        rejected = sources.rejected(table)
        # The raw line holds the ids that hashing is to hide.
        tables[f"rejected/{table}.csv"] = rejected.drop(columns="raw", errors="ignore") if key else rejected
    rows = {
        name: write_csv(
            hide_ids(table, key), folder / name, excel=settings.excel, excel_ids=settings.excel_ids
        )
        for name, table in tables.items()
    }
    rows["claims.parquet"] = write_claims(labels, folder / "claims.parquet", inside, key)
    return rows


def list_labels(labels, inside: Iterable[str] = ()) -> pd.DataFrame:
    """Return the wide labels with user_id as a column, sensitive ones left out.

    The last column, ``unsure_labels``, names the row's labels whose value is less likely than not:
    it is the best there is, and no fact. Sentences leave such values out.
    """
    wide = labels.wide()
    inside = set(inside)
    kinds = labels.label_kinds()
    names = {
        column: column if column in kinds else column.split(MANY_SEPARATOR)[0] for column in wide.columns
    }
    kept = [column for column in wide.columns if names[column] not in inside]
    table = wide[kept].rename_axis("user_id").reset_index()
    return table.assign(unsure_labels=table["user_id"].map(_name_unsure(labels, inside)))


def _name_unsure(labels, inside: set[str]) -> pd.Series:
    """Return user_id -> the columns of labels.csv that are rather wrong than right."""
    rows = labels.unsure()
    rows = rows[~rows["label"].isin(inside)]
    many = rows["label"].map(labels.label_kinds()) == "many"
    columns = rows["label"].where(~many, rows["label"] + MANY_SEPARATOR + rows["value"].astype(str))
    return columns.groupby(rows["user_id"]).agg("; ".join)


def list_personas(
    labels, personas, holdout: pd.Series, inside: Iterable[str] = (), pixels=None
) -> pd.DataFrame:
    """Return one row per user: persona, how surely, a sentence, and whether held out."""
    told = {} if pixels is None else {"pixels": pixels}
    sentences = without_labels(labels, inside).sentences(**told)[["user_id", "sentence"]]
    table = personas.assigned.merge(sentences, on="user_id", how="left", validate="1:1")
    table["holdout"] = table["user_id"].map(holdout).astype("boolean")
    return table.sort_values("user_id", ignore_index=True)[list(PERSONA_COLUMNS)]


def list_conflicts(labels, inside: Iterable[str] = (), *, hide_authors: bool = False) -> pd.DataFrame:
    """Return the disagreements somebody should settle, one row per user and label; sensitive ones stay inside."""
    table = labels.conflicts(by="user")
    table = table[~table["label"].isin(list(inside))].reset_index(drop=True)
    telling = table["label"].isin(cut_within(labels, inside))
    for name in ("evidence", "against_evidence"):
        table[name] = table[name].where(~telling, table[name].str.split(AMONG, regex=False).str[0])
    if hide_authors:  # a note's evidence names who wrote it, a SELECT's says what its author likes
        written = _selected(labels)
        for source, evidence in (("source", "evidence"), ("against_source", "against_evidence")):
            pairs = zip(table["label"], table[source], strict=True)
            is_written = pd.Series([pair in written for pair in pairs], table.index, dtype=bool)
            table[evidence] = table[evidence].mask(is_written, FROM_SELECT)
            table[evidence] = table[evidence].mask(table[source] == "person", "a note")
    return table


def _selected(labels) -> set[tuple[str, str]]:
    """Return (label, source) where a claim of kind ``sql`` speaks: its evidence is a text of its author."""
    compiled = getattr(labels, "compiled", None)
    infos = () if compiled is None else compiled.claims
    return {(info.label, info.source) for info in infos if info.kind == "sql"}


def list_pixels(pixels, min_cell: int) -> pd.DataFrame:
    """Return the pixel labels; of one that counts too few people, in or out, no number is said."""
    table = pixels.to_pandas()
    few = (table["n_users"] < min_cell) | (table["n_known"] - table["n_users"] < min_cell)
    hidden = few.fillna(True).astype(bool)
    counted = [
        name for name in table if pd.api.types.is_numeric_dtype(table[name].dtype) and name != "n_parts"
    ]
    for name in (*counted, "sentence", "weakest_part"):
        table[name] = table[name].mask(hidden)
    # The tests that a pinned one fails are told with the numbers that failed them.
    told = table["why"].str.contains(r"\d", regex=True) & ~table["why"].str.startswith("fewer than")
    table["why"] = table["why"].mask(hidden & told, f"too few users to say (fewer than {min_cell})")
    return table


def list_portraits(labels, personas, min_cell: int, inside: Iterable[str] = ()) -> pd.DataFrame:
    """Return the portraits; those of small personas say nothing that counts their users."""
    table = personas.portraits()
    small = table["n_users"] < min_cell
    sizes = hide_small_sizes(table["n_users"], min_cell=min_cell)
    hidden = sizes.isna()
    table["n_users"] = sizes
    for name in table.columns.intersection(["share", "weighted_share"]):
        table[name] = table[name].mask(hidden)
    if "sentence" in table:
        table["sentence"] = mask_sentences(personas, table, min_cell)
    texts = [name for name in ("defining", "rule", "sentence") if name in table]
    table[texts] = table[texts].mask(hidden)
    for name in ("rule_precision", "rule_recall", "mean_membership"):
        if name in table:
            table[name] = table[name].mask(small)
    if "n_unsure" in table:
        table["n_unsure"] = (
            table["n_unsure"].astype("Int64").mask(hidden | table["n_unsure"].between(1, min_cell - 1))
        )
    words = words_of(labels, inside)
    for name in texts:
        table[name] = [None if mentions(text, words) else text for text in table[name]]
    return table


def list_coverage(labels, min_cell: int, inside: Iterable[str] = ()) -> pd.DataFrame:
    """Return what each label knows, without those that stay inside; counts of few people are blank."""
    table = labels.coverage()
    table = table[~table["label"].isin(set(inside))].reset_index(drop=True)
    few = table["n_users"].between(1, min_cell - 1)
    shares = [name for name in ("share_known", "share_abstained", "top_share") if name in table]
    return table.assign(
        n_users=table["n_users"].astype("Int64").mask(few), **{name: table[name].mask(few) for name in shares}
    )


def list_targeting(plan, min_cell: int) -> pd.DataFrame:
    """Return the plan; rows that rest on few people give no number, and no reason names them."""
    table = plan.table.sort_values(["persona_id", "rank"], ignore_index=True)
    if getattr(plan, "persona_stages", None) is not None:
        reasons = explain_stages(plan.persona_stages, lambda share, n: say_share(share, n, min_cell))
        table["why_stage"] = table["persona_id"].map(reasons)
    return mask_rows(table, min_cell, numbers=TOLD)


def list_user_topics(plan, holdout: pd.Series) -> pd.DataFrame | Iterator[pd.DataFrame]:
    """Return each user's topics, in batches where the plan gives them, those held out marked.

    Whoever uses the file as a list to send to must be able to leave the control group alone.
    """
    batches = getattr(plan, "user_topic_batches", None)
    if batches is None or plan.user_model is None:
        return _mark_held_out(plan.user_topics, holdout)
    return (_mark_held_out(batch, holdout) for batch in batches())


def _mark_held_out(topics: pd.DataFrame, holdout: pd.Series) -> pd.DataFrame:
    return topics.assign(holdout=topics["user_id"].map(holdout).astype("boolean"))


def hide_ids(table, key: bytes | None):
    """Return a table, or batches, with pseudonyms for ids where there is a key, in the pseudonyms' order.

    In the order of the raw ids, row by row, whoever has the list of users could undo the hashing.
    """
    if key is None:
        return table
    if not isinstance(table, pd.DataFrame):
        table = pd.concat(list(table), ignore_index=True)
    if "user_id" not in table:
        return table
    hashed = table.assign(user_id=hash_ids(table["user_id"], key))
    return hashed.sort_values("user_id", kind="stable", ignore_index=True)
