"""Coefficients of reply links, as `python -m benchmarks.reply_links --write` prints them."""

from segtool.community.replies.model import LinkModel

FITTED_ON = (
    "600 annotated lines each of four IRC channels on software (Kummerfeld et al. 2019, Gouravajhala et "
    "al. 2023, CC BY 4.0), in English"
)

WITH_TEXT = LinkModel(
    pair={
        "lines back": -1.3558,
        "just before": -0.3085,
        "minutes": -0.5585,
        "people back": 0.4778,
        "own": 0.5667,
        "own, lines back": -1.0665,
        "own, just before": 0.4747,
        "own, minutes": -0.6593,
        "latest of its author": 0.0447,
        "own, latest": 2.4073,
        "since own last line": 1.0575,
        "the two were talking": 0.4242,
        "first to speak since": 0.9363,
        "named": -0.5081,
        "named, lines back": 1.1786,
        "named, minutes": 0.6208,
        "named within": -0.8307,
        "names another": -3.1265,
        "named by it": 1.0534,
        "named within it": 1.2119,
        "it names another": -1.4533,
        "it asks": 0.6942,
        "shares words": 3.0698,
        "short, just before": 1.172,
        "own, names somebody": -2.4516,
    },
    start={
        "start": -1.2581,
        "start: minutes of silence": 0.159,
        "start: not heard of late": 0.5366,
        "start: asks": 0.8421,
        "start: greets": 2.7426,
        "start: names somebody": -2.2042,
        "start: length": 0.7101,
    },
    fitted_on=FITTED_ON,
)
WITHOUT_TEXT = LinkModel(
    pair={
        "lines back": -1.3434,
        "just before": -0.5581,
        "minutes": -0.5889,
        "people back": 0.3504,
        "own": -0.4419,
        "own, lines back": -0.8805,
        "own, just before": 0.4951,
        "own, minutes": -1.021,
        "latest of its author": 0.3951,
        "own, latest": 2.4678,
        "since own last line": 0.6568,
        "the two were talking": 0.8917,
        "first to speak since": 0.738,
    },
    start={"start": -1.0225, "start: minutes of silence": 0.0096, "start: not heard of late": 1.2452},
    fitted_on=FITTED_ON,
)
