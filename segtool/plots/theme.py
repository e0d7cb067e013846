"""How every figure of segtool looks: one ground, one type, one colour per persona.

Figures are made with matplotlib's object interface only. pyplot keeps a global list of figures
and picks a window system; a report drawn on a server wants neither.
"""

from __future__ import annotations

import io
import logging
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, wraps

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK, MUTED, FAINT, GROUND = "#1F2933", "#5B6770", "#D9DEE3", "#FFFFFF"
UNSURE = "#A3ABB2"
# On a middling colour neither white nor the usual ink reaches a contrast of 4.5; this does.
DEEP = "#0B1116"
# Okabe and Ito's colours without yellow and black, then Paul Tol's: the first seven stay apart
# under the common colour blindnesses, and every figure also says the name, never colour alone.
PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00",
    "#332288", "#999933", "#882255", "#44AA99", "#661100", "#6699CC",
)  # fmt: skip
WIDE_FILES = (
    "cjk",
    "wqy-",
    "notosanssc",
    "sourcehansans",
    "pingfang",
    "hiragino",
    "msyh",
    "simhei",
    "droidsansfallback",
)
HEADER_INCHES = 0.72
DPI = 144

EMOJI = re.compile("[\u2600-\u26ff\u2708\ufe0f\U0001f000-\U0001faff]")
# Colour emoji fonts are not here: FreeType cannot scale their bitmaps and matplotlib raises.
LATIN_FONTS = ("Inter", "Helvetica Neue", "Segoe UI", "Arial", "Liberation Sans", "DejaVu Sans")
WIDE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "PingFang SC",
    "Hiragino Sans GB", "Microsoft YaHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei",
    "Droid Sans Fallback", "Noto Sans Arabic", "Noto Emoji", "DejaVu Sans",
)  # fmt: skip


@cache
def fonts() -> tuple[str, ...]:
    """Return the font families to try, best first, only those that are installed.

    matplotlib logs a warning for each family it cannot find, so absent ones are not named.
    """
    from matplotlib.font_manager import fontManager

    present = set(fontManager.get_font_names())
    if not present & set(WIDE_FONTS[:-3]):
        present |= _find_new_fonts(fontManager)
    latin = next((name for name in LATIN_FONTS if name in present), "DejaVu Sans")
    return tuple(dict.fromkeys([latin, *(name for name in WIDE_FONTS if name in present)]))


def _find_new_fonts(manager) -> set[str]:
    """Look for Chinese fonts installed since matplotlib last made its list, and add them to it."""
    from matplotlib.font_manager import findSystemFonts

    before = len(manager.ttflist)
    for path in sorted(findSystemFonts()):
        if any(part in path.lower().replace(" ", "") for part in WIDE_FILES):
            try:
                manager.addfont(path)
            except (OSError, RuntimeError):  # a font FreeType cannot read is a font we do not use
                continue
    return {entry.name for entry in manager.ttflist[before:]}


def theme() -> dict[str, object]:
    """Return matplotlib settings of the theme, for ``matplotlib.rc_context``.

    ``text.parse_math`` is off because a price such as "$5 or $6" is not a formula; the hash salt
    makes an SVG the same byte for byte each time; text stays text, so a report can be searched.
    """
    return {
        "font.family": list(fonts()),
        "font.size": 10,
        "text.color": INK,
        "text.parse_math": False,
        "text.usetex": False,
        "axes.unicode_minus": False,
        "axes.facecolor": GROUND,
        "axes.edgecolor": FAINT,
        "axes.labelcolor": MUTED,
        "axes.labelsize": 9.5,
        "axes.titlesize": 10.5,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": False,
        "grid.color": "#EBEEF0",
        "grid.linewidth": 0.8,
        "xtick.color": MUTED,
        "ytick.color": INK,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9.5,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "legend.frameon": False,
        "legend.labelcolor": INK,
        "figure.facecolor": GROUND,
        "savefig.facecolor": GROUND,
        "svg.fonttype": "none",
        "svg.hashsalt": "segtool",
    }


@contextmanager
def _quiet_fonts() -> Iterator[None]:
    """Keep matplotlib from logging that a Chinese font has no bold: it takes the nearest weight."""
    logger = logging.getLogger("matplotlib.font_manager")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def themed(plot: Callable[..., Figure]) -> Callable[..., Figure]:
    """Make a plot function run under the theme: texts take font and settings when they are made."""

    @wraps(plot)
    def under_theme(*args, **options) -> Figure:
        with rc_context(theme()), _quiet_fonts():
            return plot(*args, **options)

    return under_theme


class ThemedFigure(Figure):
    """A figure that carries the theme with it, wherever and whenever it is drawn."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        FigureCanvasAgg(self)

    def draw(self, renderer):
        """Draw under the theme: ticks are made only now, and would read the caller's settings."""
        with rc_context(theme()), _quiet_fonts(), warnings.catch_warnings():
            # A font without some character is the reader's machine, not a fault of the data; the
            # SVG keeps the character as text, and a browser finds a font for it.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            warnings.filterwarnings("ignore", message="Matplotlib currently does not support .* natively")
            super().draw(renderer)

    def savefig(self, *args, **options):
        """Save under the theme (SVG settings are read before anything is drawn)."""
        with rc_context(theme()):
            super().savefig(*args, **options)

    def _repr_png_(self):
        """Show in a notebook that has not loaded pyplot."""
        return to_png(self)


def new_figure(
    width: float, height: float, headline: str, note: str = "", **grid
) -> tuple[ThemedFigure, list]:
    """Return a figure with its headline written, and its axes as a flat list.

    Parameters
    ----------
    width, height : float
        Inches; the header strip comes on top of ``height``.
    headline, note : str
        What is seen, and of how many; elided to one line each.
    **grid
        ``nrows``, ``ncols``, ``sharex``, ``width_ratios`` and so on of ``Figure.subplots``.
    """
    full = height + HEADER_INCHES
    figure = ThemedFigure(figsize=(width, full), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - HEADER_INCHES / full), w_pad=0.09, h_pad=0.08)
    left = 0.1 / width
    line = int(width * 11)
    figure.text(left, 1 - 0.1 / full, elide(headline, line), size=13, weight="bold", va="top")
    figure.text(left, 1 - 0.39 / full, elide(note, int(line * 1.35)), size=9.5, color=MUTED, va="top")
    axes = figure.subplots(squeeze=False, **grid)
    return figure, list(axes.flat)


def persona_colours(persona_ids: Iterable[int]) -> dict[int, str]:
    """Return the colour of each persona: the same id has the same colour in every figure.

    Examples
    --------
    >>> persona_colours([3, 1])
    {3: '#009E73', 1: '#0072B2'}
    """
    return {int(number): PALETTE[(int(number) - 1) % len(PALETTE)] for number in persona_ids}


def ink_on(colour: str) -> str:
    """Return the text colour that reads better on a ground, by WCAG contrast.

    Examples
    --------
    >>> ink_on("#0072B2"), ink_on("#E69F00")
    ('#FFFFFF', '#0B1116')
    """
    return max((GROUND, DEEP), key=lambda ink: contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """Return the WCAG 2 contrast ratio of two colours, 1 to 21.

    References
    ----------
    https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
    """
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def text_width(text: str) -> int:
    """Return the width in columns: a Chinese character or emoji takes two, an accent none.

    Examples
    --------
    >>> text_width("abc"), text_width("宝妈")
    (3, 4)
    """
    wide = {"W": 2, "F": 2}
    return sum(
        0 if unicodedata.combining(c) or c == "\ufe0f" else wide.get(unicodedata.east_asian_width(c), 1)
        for c in text
    )


def elide(text: object, width: int) -> str:
    """Return a text on one line, cut to a width in columns; without emoji, which figures draw as boxes.

    Examples
    --------
    >>> elide("evening video lovers", 10), elide("Growing 🌱 Together", 20), elide("🌱", 5)
    ('evening v…', 'Growing Together', '🌱')
    """
    text = EMOJI.sub("", str(text)).strip() or text
    text = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    if text_width(text) <= width:
        return text
    cut = ""
    for letter in text:
        if text_width(cut + letter) > width - 1:
            break
        cut += letter
    return cut.rstrip() + "…"


def wrap(text: object, width: int, lines: int = 2) -> str:
    """Return a text on at most ``lines`` lines; breaks between words, inside one when it must.

    Examples
    --------
    >>> wrap("evening short-video lovers who share", 14)
    'evening\\nshort-video l…'
    >>> wrap("晚间爱看短视频的学生", 10)
    '晚间爱看短\\n视频的学生'
    """
    rest, done = elide(text, 10_000), []
    while rest and len(done) < lines - 1 and text_width(rest) > width:
        head = _fitting(rest, width)
        done.append(head.rstrip())
        rest = rest[len(head) :].lstrip()
    return "\n".join([*done, elide(rest, width)])


def name_with_size(name: str, n: int) -> str:
    """Return a name with its number of users below; without it where that is not to be shown.

    Examples
    --------
    >>> name_with_size("Readers", 1200)
    'Readers\\nn = 1,200'
    """
    return name if pd.isna(n) else f"{name}\nn = {n:,}"


def _fitting(text: str, width: int) -> str:
    """Return the longest beginning that fits, to the last space if that leaves enough."""
    end = 0
    while end < len(text) and text_width(text[: end + 1]) <= width:
        end += 1
    end = max(end, 1)
    space = text.rfind(" ", 0, end + 1)
    return text[: space + 1] if space >= end * 0.4 else text[:end]


def shades(*colours: str):
    """Return a colour map that runs through colours."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("segtool", colours)


def set_ticks(axes: Axes, which: str, labels: list[str], positions=None, **style) -> None:
    """Put one label at each position; none is ever left out for lack of room."""
    positions = range(len(labels)) if positions is None else positions
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_ticks(list(positions), labels=labels, **style)


def to_png(figure: Figure, dpi: int = DPI) -> bytes:
    """Return a figure as PNG bytes without a date in them."""
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=dpi, metadata={"Software": None})
    return target.getvalue()


def to_svg(figure: Figure) -> str:
    """Return a figure as SVG text, the same byte for byte each time it is drawn."""
    _settle(figure)
    target = io.StringIO()
    figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    return target.getvalue()


def _settle(figure: Figure) -> None:
    """Lay a figure out once, and round where its axes are.

    The layout's solver orders its variables by where they lie in memory, so that the last digits of
    a position differ from one drawing to the next, and with them the ids that are made from them.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position([round(float(each), 5) for each in axes.get_position().bounds])
