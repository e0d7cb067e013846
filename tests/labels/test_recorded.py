"""Outcomes that nobody recorded are unknown, not "no"."""

import pandas as pd

from segtool.labels import label_users
from segtool.sources import Sources

TIMES = ["opened_at", "responded_at", "muted_at", "unsubscribed_at"]


def label_sends(**outcomes):
    """Label 8 users with 10 sends each; an outcome is given by the rows it happened to."""
    sends = pd.DataFrame(
        {"send_id": [f"s{n}" for n in range(80)], "user_id": [f"u{n % 8}" for n in range(80)]}
    )
    sends["sent_at"] = [f"2026-06-{1 + n % 28:02d} 10:00" for n in range(80)]
    for name in TIMES:
        sends[name] = [
            f"2026-06-{1 + n % 28:02d} 11:00" if n in outcomes.get(name, ()) else None for n in range(80)
        ]
    return label_users(Sources.read({"sends": sends}, as_of="2026-07-01"))


def test_without_any_outcome_nobody_responds_rarely_or_is_a_low_risk():
    labels = label_sends()
    assert not {"responsiveness", "opt_out_risk"} & set(labels.label_kinds())
    assert {"responsiveness", "opt_out_risk"} <= set(labels.left_out()["label"])


def test_with_opens_recorded_a_send_without_one_is_a_no():
    wide = label_sends(opened_at=range(0, 80, 8)).wide()  # u0 opens all
    assert wide.loc["u0", "responsiveness"] == "often" and wide.loc["u1", "responsiveness"] == "rarely"
    assert (wide["opt_out_risk"] == "low").all()  # no mute among recorded opens


def test_opens_are_unknown_where_only_opt_outs_are_recorded():
    wide = label_sends(unsubscribed_at=[3]).wide()
    assert "responsiveness" not in wide
    assert wide.loc["u3", "opt_out_risk"] == "opted out" and wide.loc["u1", "opt_out_risk"] == "low"
