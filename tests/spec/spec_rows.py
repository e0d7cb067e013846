"""The manual of the label language, continued: what happened in time, peers, lists, ties, and plain SQL."""

from spec_tables import Spec

TIMES_WITHIN = Spec(
    "`times` with `within_days`: so many rows within some window, wherever it lies; its end is not included.",
    {
        "events": """
            user | event    | event_time
            u1   | purchase | 2026-03-01
            u1   | purchase | 2026-03-04
            u1   | purchase | 2026-03-07
            u2   | purchase | 2026-03-01
            u2   | purchase | 2026-03-04
            u2   | purchase | 2026-03-08
            u3   | view     | 2026-03-01
            """
    },
    """
    [labels.buys_in_a_rush]
    facet = "consumption"
    claims = [{times = {from = "events", where = "event = 'purchase'", at_least = 3, within_days = 7}}]
    """,
    """
    user | value
    u1   | yes
    u2   | no
    u3   | no
    """,
)

TIMES_LATELY = Spec(
    "`times` with `last_days`, and rows of one day counted once.",
    {
        "events": """
            user | event | event_time
            u1   | view  | 2026-06-20 09:00:00
            u1   | view  | 2026-06-20 10:00:00
            u1   | view  | 2026-06-25 10:00:00
            u2   | view  | 2026-06-20 09:00:00
            u2   | view  | 2026-06-20 10:00:00
            u2   | view  | 2026-01-25 10:00:00
            """
    },
    """
    [labels.around]
    facet = "activity"
    claims = [{times = {from = "events", at_least = 2, last_days = 30, distinct_days = true}}]
    """,
    """
    user | value
    u1   | yes
    u2   | no
    """,
)

TIMES_IN_A_PERIOD = Spec(
    "`times` `during` a named period, or `between` two days: both ends count, and who came later is not known.",
    {
        "events": """
            user | event    | event_time
            u1   | purchase | 2026-06-18 23:00:00
            u2   | view     | 2026-06-02
            u2   | purchase | 2026-06-19
            u3   | purchase | 2026-06-25
            """
    },
    """
    [periods.midyear]
    from = 2026-06-01
    until = 2026-06-18

    [labels.midyear_buyer]
    facet = "consumption"
    claims = [{times = {from = "events", where = "event = 'purchase'", at_least = 1, during = "midyear"}}]
    """,
    """
    user | value
    u1   | yes
    u2   | no
    """,
)

TIMES_PERIOD_STILL_ON = Spec(
    "`times` in a period that is not over at `as_of` says no of nobody.",
    {
        "events": """
            user | event    | event_time
            u1   | purchase | 2026-06-28
            u2   | view     | 2026-06-28
            """
    },
    """
    [labels.summer_buyer]
    facet = "consumption"

    [[labels.summer_buyer.claims]]
    times = {from = "events", where = "event = 'purchase'", at_least = 1, between = ["2026-06-20", "2026-07-20"]}
    """,
    """
    user | value
    u1   | yes
    """,
)

SEQUENCE = Spec(
    "`sequence`: one thing and then another within so many days; no only when the time for it has passed.",
    {
        "events": """
            user | event    | event_time
            u1   | share    | 2026-03-02
            u1   | purchase | 2026-03-05
            u2   | share    | 2026-03-02
            u2   | purchase | 2026-03-12
            u3   | share    | 2026-06-28
            u4   | purchase | 2026-03-05
            u5   | purchase | 2026-03-02
            u5   | share    | 2026-03-05
            """
    },
    """
    [labels.buys_after_sharing]
    facet = "sharing"

    [[labels.buys_after_sharing.claims]]
    sequence = {from = "events", first = "event = 'share'", then = "event = 'purchase'", within_days = 7}
    """,
    """
    user | value
    u1   | yes
    u2   | no
    u5   | no
    """,
)

SEQUENCE_WITHOUT = Spec(
    "`sequence` with `without`: what lies between breaks it, and then nothing needs to be waited for.",
    {
        "events": """
            user | event    | event_time
            u1   | cart     | 2026-06-28
            u1   | refund   | 2026-06-29
            u1   | purchase | 2026-06-30
            u2   | cart     | 2026-06-28
            u2   | purchase | 2026-06-29
            u2   | refund   | 2026-06-30
            u3   | cart     | 2026-06-28
            """
    },
    """
    [labels.straight_buyer]
    facet = "funnel"

    [[labels.straight_buyer.claims]]
    [labels.straight_buyer.claims.sequence]
    from = "events"
    first = "event = 'cart'"
    then = "event = 'purchase'"
    without = "event = 'refund'"
    within_days = 14
    """,
    """
    user | value
    u1   | no
    u2   | yes
    """,
)

FIRST = Spec(
    "`first`: the value of a property in the first row that has it; rows without it do not count.",
    {
        "events": """
            user | event | channel     | event_time
            u1   | visit | wecom_group | 2026-03-02
            u1   | visit | email       | 2026-04-02
            u2   | visit |             | 2026-03-02
            u2   | visit | email       | 2026-04-02
            u3   | view  | sms         | 2026-03-02
            u3   | visit | email       | 2026-04-02
            u4   | visit |             | 2026-04-02
            """
    },
    """
    [labels.came_by]
    facet = "channel"
    claims = [{first = {from = "events", of = "channel", where = "event = 'visit'"}}]
    """,
    """
    user | value
    u1   | wecom_group
    u2   | email
    u3   | email
    """,
)

LAST = Spec(
    "`last`: the value in the last row, here only of the last 90 days; of several at one moment the first "
    "in the alphabet, with the confidence shared.",
    {
        "events": """
            user | topic | event_time
            u1   | sport | 2026-06-02
            u1   | music | 2026-06-05
            u2   | sport | 2026-06-05
            u2   | music | 2026-06-05
            u3   | sport | 2025-06-05
            """
    },
    """
    [labels.last_topic]
    facet = "taste"
    claims = [{last = {from = "events", of = "topic", last_days = 90}}]
    """,
    """
    user | value
    u1   | music
    u2   | music
    """,
)

BANDS_WITHIN_PEERS = Spec(
    "`bands` `within` a peer group: cut among users with the same value of a label or of a profile column; "
    "whose peers are unknown or fewer than `min_peers` gets nothing.",
    {
        "users": """
            user | city_tier
            u1   | large
            u2   | large
            u3   | large
            u4   | small
            u5   | small
            u6   | small
            u7   | tiny
            """,
        "events": """
            user | amount
            u1   | 100
            u2   | 200
            u3   | 900
            u4   | 10
            u5   | 20
            u6   | 90
            u7   | 500
            u8   | 500
            """,
    },
    """
    [measures.spend]
    from = "events"
    sql = "sum(amount)"

    [labels.spending]
    facet = "consumption"
    values = ["low", "high"]
    claims = [{bands = {of = "spend", quantiles = [0.5], within = "city_tier", min_peers = 3}}]
    """,
    """
    user | value
    u1   | low
    u2   | low
    u3   | high
    u4   | low
    u5   | low
    u6   | high
    """,
)

COMMUNITY = Spec(
    "`community`: what an analysis of ties says of a user; without that table the claim is left out.",
    {
        "community": """
            user | role | circle
            u1   | hub  | c1
            u2   | rim  | c1
            u3   |      | c2
            """
    },
    """
    [labels.group_role]
    facet = "role"
    claims = [{community = {of = "role", values = {hub = "leader", rim = "listener"}}}]
    """,
    """
    user | value
    u1   | leader
    u2   | listener
    """,
)

LIST = Spec(
    "`list`: who is on an imported list; not to be on it says nothing.",
    {
        "lists": """
            user | list | added_at
            u1   | VIP  | 2026-03-02
            u2   | old  | 2026-03-02
            """,
        "users": """
            user
            u3
            """,
    },
    """
    [labels.vip]
    facet = "consumption"
    values = ["no", "yes"]
    claims = [{list = {name = "vip"}}]
    """,
    """
    user | value
    u1   | yes
    """,
)

LIST_COMPLETE = Spec(
    "`list` with `complete = true`: who is not on it is no.",
    {
        "lists": """
            user | list | added_at
            u1   | vip  | 2026-03-02
            u2   | old  | 2026-03-02
            """,
        "users": """
            user
            u3
            """,
    },
    """
    [labels.vip]
    facet = "consumption"
    claims = [{list = {name = "vip", complete = true}}]
    """,
    """
    user | value
    u1   | yes
    u2   | no
    u3   | no
    """,
)

LIST_WITH_VALUES = Spec(
    "`list` with `values`: the value beside the user, the latest one.",
    {
        "lists": """
            user | list | value | added_at
            u1   | club | g     | 2026-03-02
            u1   | club | s     | 2026-01-02
            u2   | club | s     | 2026-03-02
            u3   | club | x     | 2026-03-02
            """
    },
    """
    [labels.club]
    facet = "lifecycle"
    values = ["silver", "gold"]
    claims = [{list = {name = "club", values = {s = "silver", g = "gold"}}}]
    """,
    """
    user | value
    u1   | gold
    u2   | silver
    """,
)

SQL = Spec(
    "`sql`: one SELECT over the study's tables, for what no other claim can say.",
    {
        "events": """
            user | event    | amount | event_time
            u1   | purchase | 10     | 2026-01-01
            u1   | purchase | 30     | 2026-03-01
            u2   | purchase | 30     | 2026-01-01
            u2   | purchase | 10     | 2026-03-01
            u3   | purchase | 10     | 2026-03-01
            """
    },
    '''
    [labels.baskets_grow]
    facet = "consumption"
    values = ["no", "yes"]

    [[labels.baskets_grow.claims]]
    sql = """
    WITH baskets AS (
      SELECT user_id, amount, lag(amount) OVER (PARTITION BY user_id ORDER BY event_time, amount) AS before
      FROM events WHERE event = 'purchase'
    )
    SELECT user_id, CASE WHEN avg(amount - before) > 0 THEN 'yes' ELSE 'no' END AS value, count(*) AS n_evidence
    FROM baskets WHERE before IS NOT NULL GROUP BY user_id
    """
    ''',
    """
    user | value
    u1   | yes
    u2   | no
    """,
)

INFERRED = Spec(
    "`inferred` carries answers to those who gave none, where a stated precision holds; with too few answers it "
    "abstains.",
    {
        "events": """
            user | event
            u1   | view
            u2   | like
            u3   | view
            """,
        "survey": """
            user | answered_at | q1
            u1   | 2026-06-05  | student
            u2   | 2026-06-05  | parent
            """,
    },
    """
    [measures.likes]
    from = "events"
    sql = "count_if(event = 'like')"

    [labels.life_stage]
    facet = "life stage"
    values = ["student", "parent"]
    claims = [{answer = {question = "q1"}}, {inferred = {precision = 0.8}}]
    """,
    """
    user | value
    u1   | student
    u2   | parent
    """,
)

LOOKALIKE = Spec(
    "`lookalike` says who resembles the people on a list; with too few of them it says nothing.",
    {
        "events": """
            user | event
            u1   | view
            u2   | view
            """,
        "lists": """
            user | list | added_at
            u1   | vip  | 2026-03-02
            """,
    },
    """
    [measures.views]
    from = "events"
    sql = "count_if(event = 'view')"

    [labels.like_a_vip]
    facet = "lifecycle"
    claims = [{lookalike = {list = "vip"}}]
    """,
    "",
)
