"""Shared by all tests: one thread per fit, and a quiet matplotlib."""

from __future__ import annotations

import os

# Before numpy loads: the results must not depend on it, but the time under a busy CI does.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import importlib.util
import shutil
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


@pytest.fixture(scope="session")
def spark_session():
    """Spark on two threads, started once for all tests that ask for it."""
    has_java = shutil.which("java") or Path(os.environ.get("JAVA_HOME", "-"), "bin", "java").exists()
    if importlib.util.find_spec("pyspark") is None or not has_java:
        if os.environ.get("CI"):
            pytest.fail("Spark or Java is not installed, and under CI both engines must agree")
        pytest.skip("the spark extra or Java is not installed")
    import pyspark.sql as pyspark_sql

    settings = {
        "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR",
        "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.memory": "2g",
        # Tables of a few rows: to cut them up, compile each step and plan it again would be most of the time.
        # The tests of expressions set what a cluster has (tests/labels/test_spark_expressions.py).
        "spark.sql.shuffle.partitions": "1", "spark.default.parallelism": "1",
        "spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": "false",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }  # fmt: skip
    builder = pyspark_sql.SparkSession.builder.master("local[2]").appName("segtool tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def spark_engine(spark_session):
    """An engine of its own tables on the one Spark."""
    from segtool.engines import SparkEngine

    with SparkEngine(spark_session) as engine:
        yield engine


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is not installed, and under CI the report must be looked at")
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("chromium"), executable_path=CHROMIUM, headless=True, args=FLAGS.split()
        )
        yield context
        context.close()
