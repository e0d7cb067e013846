"""The page: facts in, one self-contained HTML text out."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import jinja2
from markupsafe import Markup

from segtool.outputs.report.facts import ReportFacts

HERE = Path(__file__).parent
KNOWN = "Known - "


def render_report(facts: ReportFacts) -> str:
    """Return the report: one HTML text that loads nothing from anywhere.

    Parameters
    ----------
    facts : ReportFacts
        As `describe_study` gives them.

    Returns
    -------
    str

    Notes
    -----
    Every text is escaped by the template engine. Four things are not, all of them ours: the
    style, the script, and the figures, whose texts matplotlib escaped. The policy in the page's
    head forbids everything else, should an escape ever be forgotten.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["in_known"] = lambda note: note.startswith(KNOWN)
    environment.filters["without_mark"] = without_mark
    script = (HERE / "sort.js").read_text(encoding="utf-8")
    return environment.get_template("report.html").render(
        facts=facts,
        figures={name: Markup(svg) for name, svg in facts.figures.items()},
        style=Markup((HERE / "style.css").read_text(encoding="utf-8")),
        script=Markup(script),
        policy=write_policy(script),
    )


def without_mark(note: str) -> str:
    """Return a note without the mark that says what kind it is: its list says so.

    Examples
    --------
    >>> without_mark("Not known - When: there are no events.")
    'When: there are no events.'
    """
    return note.removeprefix("Not known - ").removeprefix(KNOWN)


def write_policy(script: str) -> str:
    """Return the content security policy: nothing from outside, and this one script.

    Examples
    --------
    >>> write_policy("1")[:19]
    "default-src 'none';"
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
