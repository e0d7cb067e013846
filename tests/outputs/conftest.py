"""A made-up study to write."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def study():
    from outputs.fake_study import make_study

    sources, labels, personas, plan = make_study(300)
    return sources, labels.with_claims(), personas, plan
