"""The study: one TOML file that says what to read and decide, and the stages called in order."""

from segtool.study.check import StudyCheck, check_study
from segtool.study.settings import StudyFile
from segtool.study.study import Study, StudyRun

__all__ = ["Study", "StudyCheck", "StudyFile", "StudyRun", "check_study"]
