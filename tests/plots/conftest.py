"""A made-up study to draw, shared with the tests of outputs."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def study():
    from outputs.fake_study import make_study

    return make_study(400)
