"""The manual of the label language: one chapter per claim kind, each page run on every engine."""

import spec_rows
from spec_tables import Spec

MEASURES = Spec(
    "A measure without a row that counts is 0 or unknown, as `no_rows` says; unknown is not no.",
    {
        "events": """
            user | event    | amount
            u1   | purchase | 30
            u1   | purchase | 80
            u2   | view     |
            """
    },
    """
    [measures.spend]
    from = "events"
    sql = "sum(amount)"
    where = "event = 'purchase'"
    no_rows = 0

    [measures.mean_purchase]
    from = "events"
    sql = "avg(amount)"
    where = "event = 'purchase'"

    [labels.dear]
    facet = "consumption"
    claims = [{flag = {is = "mean_purchase > 50 and spend > 0"}}]
    """,
    """
    user | value
    u1   | yes
    u2   | no
    """,
)

DERIVED_MEASURES = Spec(
    "A measure can be arithmetic on other measures; dividing by zero gives unknown.",
    {
        "events": """
            user | event
            u1   | view
            u1   | like
            u2   | like
            """
    },
    """
    [measures.likes]
    from = "events"
    sql = "count(*)"
    where = "event = 'like'"
    no_rows = 0

    [measures.views]
    from = "events"
    sql = "count(*)"
    where = "event = 'view'"
    no_rows = 0

    [measures.likes_per_view]
    from = "measures"
    sql = "likes / views"

    [labels.warm]
    facet = "activity"
    claims = [{flag = {is = "likes_per_view >= 1"}}]
    """,
    """
    user | value
    u1   | yes
    """,
)

BANDS_AT_EDGES = Spec(
    "`bands` with `edges`: a number on an edge belongs to the band above it.",
    {
        "events": """
            user | amount
            u1   | 99
            u2   | 100
            u3   | 500
            """
    },
    """
    [measures.spend]
    from = "events"
    sql = "sum(amount)"

    [labels.spending]
    facet = "consumption"
    values = ["low", "average", "high"]
    claims = [{bands = {of = "spend", edges = [100, 500]}}]
    """,
    """
    user | value
    u1   | low
    u2   | average
    u3   | high
    """,
)

BANDS_AT_QUANTILES = Spec(
    "`bands` with `quantiles`: ties stay together, and a number at the cut belongs to the band below.",
    {
        "events": """
            user | amount
            u1   | 1
            u2   | 1
            u3   | 1
            u4   | 4
            u5   | 9
            """
    },
    """
    [measures.spend]
    from = "events"
    sql = "sum(amount)"

    [labels.spending]
    facet = "consumption"
    values = ["low", "average", "high"]
    claims = [{bands = {of = "spend", quantiles = [0.2, 0.8]}}]
    """,
    """
    user | value
    u1   | low
    u2   | low
    u3   | low
    u4   | average
    u5   | high
    """,
)

NEEDS = Spec(
    "`needs` states the least evidence; below it a claim abstains, and the cut points leave the user out.",
    {
        "events": """
            user | amount
            u1   | 10
            u1   | 10
            u2   | 50
            u2   | 50
            u3   | 9000
            """
    },
    """
    [measures.spend]
    from = "events"
    sql = "sum(amount)"

    [measures.purchases]
    from = "events"
    sql = "count(*)"

    [labels.spending]
    facet = "consumption"
    values = ["low", "high"]
    claims = [{bands = {of = "spend", quantiles = [0.5], needs = "purchases >= 2"}}]
    """,
    """
    user | value
    u1   | low
    u2   | high
    """,
)

CASES = Spec(
    "`cases`: the first predicate that holds; an unknown one before it means that nobody knows.",
    {
        "events": """
            user | event_time          | score
            u1   | 2026-06-25 00:00:00 | 1
            u2   | 2026-01-01 00:00:00 | 1
            u3   | 2026-05-20 00:00:00 | 1
            u4   | 2026-01-01 00:00:00 |
            """
    },
    """
    [measures.recency_days]
    from = "events"
    sql = "min(age_days)"

    [measures.score]
    from = "events"
    sql = "max(score)"

    [labels.lifecycle]
    facet = "lifecycle"
    values = ["bad", "active", "lapsed", "cooling"]

    [[labels.lifecycle.claims]]
    cases = {when = [
      {value = "bad", is = "score < 0"},
      {value = "active", is = "recency_days < 30"},
      {value = "lapsed", is = "recency_days > 90"},
    ], otherwise = "cooling"}
    """,
    """
    user | value
    u1   | active
    u2   | lapsed
    u3   | cooling
    """,
)

FLAG = Spec(
    "`flag`: yes or no; an empty `no` keeps silent instead.",
    {
        "events": """
            user | event_time
            u1   | 2026-06-20 23:10:00
            u2   | 2026-06-20 09:00:00
            """
    },
    """
    [measures.night_share]
    from = "events"
    sql = "count_if(local_hour >= 22) / count(*)"

    [labels.night_owl]
    facet = "rhythm"
    claims = [{flag = {is = "night_share > 0.4", no = ""}}]
    """,
    """
    user | value
    u1   | yes
    """,
)

PREFERENCE = Spec(
    "`preference`: what takes a larger share of a user's rows than of everyone's, not what is frequent.",
    {
        "events": "user | topic\n"
        + "u1 | sport\n" * 9
        + "u1 | news\n" * 6
        + "u2 | news\n" * 10
        + "u2 | music\n" * 10
        + "u3 | news\n" * 9
        + "u3 | music\n" * 9
        + "u3 | sport\n" * 1
        + "u4 | sport\n" * 1
    },
    """
    [labels.interest]
    facet = "taste"
    many = true
    claims = [{preference = {from = "events", by = "topic", top = 2, min = 3, lift = 1.5, at_least = 0.8}}]
    """,
    """
    user | value
    u1   | sport
    """,
)

PREFERENCE_DECAY = Spec(
    "`preference` with `half_life_days`: newer rows weigh more, from their raw times.",
    {
        "events": "user | topic | event_time\n"
        + "u1 | sport | 2025-07-01\n" * 10
        + "u1 | music | 2026-06-29\n" * 8
        + "u2 | sport | 2026-06-29\n" * 10
        + "u2 | music | 2025-07-01\n" * 8
    },
    """
    [labels.likes]
    facet = "taste"
    claims = [{preference = {from = "events", by = "topic", top = 1, half_life_days = 30}}]
    """,
    """
    user | value
    u1   | music
    u2   | sport
    """,
)

COLUMN = Spec(
    "`column`: a profile column, mapped; what the map does not name makes no claim.",
    {
        "users": """
            user | tier
            u1   | 1
            u2   | 2
            u3   | 7
            u4   |
            """
    },
    """
    [labels.city]
    facet = "life stage"
    claims = [{column = {name = "tier", values = {"1" = "first tier", "2" = "second tier"}}}]
    """,
    """
    user | value
    u1   | first tier
    u2   | second tier
    """,
)

ANSWER = Spec(
    "`answer`: the latest answer of each user.",
    {
        "survey": """
            user | answered_at | q7
            u1   | 2026-01-05  | <2000
            u1   | 2026-06-05  | >8000
            u2   | 2026-06-05  | <2000
            u3   | 2026-06-05  |
            """
    },
    """
    [labels.spending]
    facet = "consumption"
    values = ["low", "high"]
    claims = [{answer = {question = "q7", values = {"<2000" = "low", ">8000" = "high"}}}]
    """,
    """
    user | value
    u1   | high
    u2   | low
    """,
)

ANSWER_SEVERAL = Spec(
    "`answer` with a `separator`: several answers in one cell.",
    {
        "survey": """
            user | answered_at | q9
            u1   | 2026-06-05  | tea; coffee
            u2   | 2026-06-05  | tea
            """
    },
    """
    [labels.drinks]
    facet = "taste"
    many = true
    claims = [{answer = {question = "q9", separator = ";"}}]
    """,
    """
    user | value
    u1   | coffee, tea
    u2   | tea
    """,
)

LIKERT_BATTERY = Spec(
    "Several items to one score, the third asked the other way round; who left an item out has no score.",
    {
        "survey": """
            user | answered_at | q4_1 | q4_2 | q4_3
            u1   | 2026-06-05  | 5    | 4    | 1
            u2   | 2026-06-05  | 1    | 2    | 5
            u3   | 2026-06-05  | 3    | 2    | 3
            u4   | 2026-06-05  | 5    |      | 1
            """
    },
    """
    [measures.brand_love]
    title = "Love of the brand, 1 to 5"
    from = "survey"
    sql = "avg((q4_1 + q4_2 + (6 - q4_3)) / 3.0)"

    [labels.brand_love]
    facet = "taste"
    values = ["cool", "warm", "devoted"]
    claims = [{bands = {of = "brand_love", edges = [2.5, 3.5]}}]
    """,
    """
    user | value
    u1   | devoted
    u2   | cool
    u3   | warm
    """,
)

NOTE = Spec(
    "`note`: the latest note of each author; the value of more authors wins; old notes expire.",
    {
        "notes": """
            user | label     | value   | author | noted_at
            u1   | stage     | student | Li     | 2026-05-01
            u1   | Stage     | Parent  | Li     | 2026-06-01
            u2   | stage     | student | Li     | 2026-06-01
            u2   | stage     | student | Wang   | 2026-06-01
            u2   | stage     | parent  | Zhao   | 2026-06-02
            u3   | stage     | parent  | Li     | 2024-06-02
            u4   | something | parent  | Li     | 2026-06-02
            """
    },
    """
    [labels.stage]
    facet = "life stage"
    values = ["student", "parent"]
    claims = [{note = {}}]
    """,
    """
    user | value
    u1   | parent
    u2   | student
    """,
)

PRECEDENCE = Spec(
    "People outrank surveys, surveys outrank behaviour.",
    {
        "events": """
            user | amount
            u1   | 10
            u2   | 10
            u3   | 10
            """,
        "survey": """
            user | answered_at | q7
            u1   | 2026-06-05  | high
            u2   | 2026-06-05  | high
            """,
        "notes": """
            user | label    | value | author | noted_at
            u1   | spending | low   | Li     | 2026-06-01
            """,
    },
    """
    [measures.spend]
    from = "events"
    sql = "sum(amount)"

    [labels.spending]
    facet = "consumption"
    values = ["low", "high"]
    claims = [{bands = {of = "spend", edges = [100]}}, {answer = {question = "q7"}}, {note = {}}]
    """,
    """
    user | value
    u1   | low
    u2   | high
    u3   | low
    """,
)

_STUDENTS = [f"s{number:02}" for number in range(1, 18)]
_WORKERS = [f"w{number:02}" for number in range(1, 18)]

INFERRED_PROVEN = Spec(
    "`inferred`: where held-out answers prove the precision, values are said of those who did not answer.",
    {
        "events": "user | night_views\n"
        + "".join(f"{user} | {40 + number}\n" for number, user in enumerate([*_STUDENTS, "new1"]))
        + "".join(f"{user} | {number % 7}\n" for number, user in enumerate([*_WORKERS, "new2"])),
        "survey": "user | stage\n"
        + "".join(f"{user} | student\n" for user in _STUDENTS)
        + "".join(f"{user} | worker\n" for user in _WORKERS),
    },
    """
    [measures.night_views]
    from = "events"
    sql = "sum(night_views)"

    [labels.stage]
    facet = "life stage"
    values = ["student", "worker"]
    claims = [{answer = {question = "stage"}}, {inferred = {precision = 0.8, min_positives = 15}}]
    """,
    "user | value\n"
    + "".join(f"{user} | student\n" for user in [*_STUDENTS, "new1"])
    + "".join(f"{user} | worker\n" for user in [*_WORKERS, "new2"]),
)

LOOKALIKE_FOUND = Spec(
    "`lookalike`: the top share of the users who resemble those on a list; it is said of nobody on it.",
    {
        "events": "user | spent\n"
        + "".join(f"{user} | {400 + number}\n" for number, user in enumerate([*_STUDENTS, "new1", "new2"]))
        + "".join(f"{user} | {number}\n" for number, user in enumerate(_WORKERS)),
        "lists": "user | list\n" + "".join(f"{user} | vip\n" for user in _STUDENTS),
    },
    """
    [measures.spent]
    from = "events"
    sql = "sum(spent)"

    [labels.like_vip]
    facet = "consumption"
    claims = [{lookalike = {list = "vip", share = 0.12, min_seeds = 15}}]
    """,
    """
    user | value
    new1 | yes
    new2 | yes
    """,
)

CHAPTERS = {
    name: page
    for part in (globals(), vars(spec_rows))
    for name, page in part.items()
    if isinstance(page, Spec)
}
