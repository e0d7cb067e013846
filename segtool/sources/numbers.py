"""Numbers as people write them: decimal comma or point, grouped thousands, a currency around them.

A mark is only taken for a thousands separator where exactly three digits follow each one and the first
group does not begin with 0. Anything else stays as it is and is rejected as unreadable: an amount that
is off by a thousand is worse than one that is missing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from segtool.engines import literal

SPACE = " \u00a0\u202f"
SIGN = (
    r"(?:(?:US|HK|NT|AU|CA|[ACRS])?[$€£¥￥₹₽₩₫₺₴₪฿₱₦]|元|圆|人民币|zł|Kč|(?i:kr\.?|fr\.?"
    r"|CNY|RMB|EUR|USD|GBP|JPY|HKD|TWD|KRW|CHF|INR|AUD|CAD|NZD|SGD|BRL|MXN|SEK|NOK|DKK|PLN|CZK|HUF|TRY|RUB"
    r"|ZAR|THB|IDR|MYR|PHP|VND|AED))"
)
SIMPLE = {".": r"[-+]?[0-9]+(?:\.[0-9]+)?", ",": r"[-+]?[0-9]+"}
ENOUGH = 0.95  # of the values have to be readable for a guess
_SHAPE_WORDS = {",": "comma", ".": "point", "-": "minus", "%": "percent sign", " ": "space"}


def _number(decimal: str) -> str:
    """Return a pattern of the digits of a number, grouped or not."""
    mark = re.escape(decimal)
    group = f"[{'.' if decimal == ',' else ','}'’{SPACE}]"
    return rf"[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+(?:{mark}[0-9]*)?|[0-9]+(?:{mark}[0-9]*)?|{mark}[0-9]+"


def _written(decimal: str) -> str:
    """Return a pattern of a whole cell: sign, currency, digits, currency; group 1 to 3 are the number."""
    space = f"[{SPACE}]*"
    return rf"([-+]?){space}{SIGN}?{space}([-+]?)({_number(decimal)}){space}{SIGN}?"


def clean_number(text: str, decimal: str) -> str:
    """Return SQL of a number's text with a point and nothing around it; other text stays as it is.

    Parameters
    ----------
    text : str
        SQL of trimmed text.
    decimal : {".", ","}
    """
    full, simple = literal(f"^(?:{_written(decimal)})$"), literal(f"^{SIMPLE[decimal]}$")
    bare = f"regexp_replace({text}, {full}, '\\1\\2\\3')"
    group = literal(f"[{'.' if decimal == ',' else ','}'’{SPACE}]")
    plain = f"replace(regexp_replace({bare}, {group}, '', 'g'), ',', '.')"
    # With a decimal comma, "48.23" is no number: a cast would read it as one all the same.
    other = f"replace({text}, '.', '?')" if decimal == "," else text
    return (
        f"CASE WHEN regexp_matches({text}, {simple}) THEN {text} "
        f"WHEN regexp_matches({text}, {full}) THEN {plain} ELSE {other} END"
    )


def point_decimals(text: str, decimal: str) -> str:
    """Return SQL of a property's text with decimal points, nothing else mended: it may be a code.

    With a decimal comma a point turns into something no number has, so that "1.234" stays text.
    """
    return f"translate({text}, ',.', '.?')" if decimal == "," else text


def currency_of(text: str) -> str:
    """Return SQL of the currency written around a number, "" if there is none."""
    return f"trim(upper(regexp_extract({text}, {literal(SIGN)})))"


def read_number(text: str, decimal: str = ".") -> float | None:
    """Return the number a text says, None if it says none.

    Examples
    --------
    >>> read_number("€ 1.234,50", ","), read_number("1,234.50 CNY"), read_number("48,23")
    (1234.5, 1234.5, None)
    """
    found = re.fullmatch(_written(decimal), text.strip())
    if found is None:
        return None
    bare = re.sub(rf"[{'.' if decimal == ',' else ','}'’{SPACE}]", "", "".join(found.groups()))
    try:
        return float(bare.replace(",", "."))
    except ValueError:
        return None


def guess_decimal(texts: Sequence[str], *, prefer: str = ".") -> str | None:
    """Return the decimal mark with which (nearly) all texts are numbers, None if there is none such.

    Parameters
    ----------
    texts : sequence of str
    prefer : {".", ","}
        What to say if both are possible ("1,234").

    Examples
    --------
    >>> guess_decimal(["48,23", "7"]), guess_decimal(["48.23", "7"]), guess_decimal(["red"]) is None
    (',', '.', True)
    """
    marked = any("," in text or "." in text for text in texts)
    order = (prefer, "," if prefer == "." else ".") if marked else (".",)
    for decimal in order:
        good = sum(read_number(text, decimal) is not None for text in texts)
        if texts and good >= ENOUGH * len(texts):
            return decimal
    return None


def describe_shape(texts: Sequence[str]) -> str:
    """Return what most texts look like, without showing any.

    Examples
    --------
    >>> describe_shape(["48,23", "7,10", "n/a"])
    'digits, comma, digits'
    """
    shapes = Counter(tuple(_pieces(text)) for text in texts)
    if not shapes:
        return "nothing"
    ((pieces, _),) = shapes.most_common(1)
    return ", ".join(pieces[:9]) + (", ..." if len(pieces) > 9 else "")


def _pieces(text: str) -> list[str]:
    pieces = re.findall(r"[0-9]+|[^\W\d_]+|\s+|.", text.strip())
    return [
        "digits"
        if piece[0].isdigit()
        else "letters"
        if piece[0].isalpha()
        else _SHAPE_WORDS.get(" " if piece.isspace() else piece, "a sign")
        for piece in pieces
    ]
