-- The labels of the built-in catalogue, written as an analyst would: one CTE per kind of label,
-- each from the events, joined at the end. Only values are computed, no confidences or evidence
-- except where a label's definition rests on one (preferences).
CREATE TABLE labels_idiomatic AS
WITH sampled AS (
  SELECT user_id, age_days, event, topic, brand_tier, channel, local_hour
  FROM events
  WHERE user_id IN (SELECT user_id FROM user_index ORDER BY md5(user_id), user_id LIMIT 2000)
),
consumption AS (
  SELECT user_id,
    min(age_days) FILTER (WHERE event = 'purchase') AS purchase_recency_days,
    count(DISTINCT local_date) FILTER (WHERE event = 'purchase' AND age_days < 180) AS purchase_days_180d,
    sum(amount) FILTER (WHERE event = 'purchase' AND age_days < 180) AS spend_180d,
    count(*) FILTER (WHERE event = 'purchase' AND age_days < 180) AS purchases_180d,
    avg(amount) FILTER (WHERE event = 'purchase' AND age_days < 180) AS mean_purchase,
    count(*) FILTER (WHERE event = 'purchase' AND age_days < 365 AND local_weekday >= 6)
      / nullif(count(*) FILTER (WHERE event = 'purchase' AND age_days < 365), 0) AS weekend_purchase_share,
    count(*) FILTER (WHERE event = 'refund' AND age_days < 365)
      / nullif(count(*) FILTER (WHERE event IN ('purchase', 'refund') AND age_days < 365), 0) AS refund_share,
    count(*) FILTER (WHERE event = 'refund' AND age_days < 365) AS refunds_365d,
    count(*) FILTER (WHERE event IN ('purchase', 'refund') AND age_days < 365) AS orders_and_refunds
  FROM events
  GROUP BY user_id
),
variety AS (
  SELECT user_id, count(*) AS looks_90d, count(DISTINCT topic) AS topics_90d
  FROM events
  WHERE topic IS NOT NULL AND age_days < 90
  GROUP BY user_id
),
rhythm AS (
  SELECT user_id,
    count(*) AS events_180d,
    count(*) FILTER (WHERE local_weekday >= 6) / count(*) AS weekend_share,
    count(*) FILTER (WHERE local_weekday <= 5 AND local_hour BETWEEN 9 AND 17)
      / nullif(count(*) FILTER (WHERE local_weekday <= 5), 0) AS work_hours_share
  FROM events
  WHERE age_days < 180
  GROUP BY user_id
),
activity AS (
  SELECT user_id,
    max(age_days) AS first_seen_days,
    min(age_days) AS recency_days,
    count(DISTINCT local_date) FILTER (WHERE age_days < 90) AS active_days_90d,
    count(*) FILTER (WHERE age_days < 30) AS events_30d,
    count(*) FILTER (WHERE age_days < 90) AS events_90d,
    count(*) FILTER (WHERE age_days >= 30 AND age_days < 90) AS events_30_to_90d,
    count(DISTINCT local_date) FILTER (WHERE age_days < 30) AS active_days_30d,
    count(DISTINCT local_date) FILTER (WHERE age_days >= 30 AND age_days < 60) AS active_days_30_to_60d,
    count(*) FILTER (WHERE event IN ('like', 'comment', 'follow', 'review') AND age_days < 180)
      / nullif(count(*) FILTER (WHERE event IN ('view', 'like', 'comment', 'follow', 'review')
                                AND age_days < 180), 0) AS reaction_share,
    count(*) FILTER (WHERE event IN ('view', 'like', 'comment', 'follow', 'review')
                     AND age_days < 180) AS looks_and_reactions,
    count(*) FILTER (WHERE event = 'view' AND age_days < 180) AS views_180d,
    count(*) FILTER (WHERE event IN ('like', 'comment', 'follow', 'review') AND age_days < 180) AS reactions_180d
  FROM events
  GROUP BY user_id
),
sharing AS (
  SELECT user_id,
    count(*) FILTER (WHERE event = 'share' AND age_days < 180) AS shares_180d,
    count(*) FILTER (WHERE event = 'invite' AND age_days < 180) AS invites_180d,
    count(*) FILTER (WHERE event = 'review' AND age_days < 365) AS reviews_365d
  FROM events
  GROUP BY user_id
),
funnel AS (
  SELECT user_id,
    max(CASE WHEN event = 'purchase' THEN 5 WHEN event = 'cart' THEN 4 WHEN event IN ('search', 'click') THEN 3
             WHEN event IN ('like', 'comment', 'follow', 'share') THEN 2 ELSE 1 END)
      FILTER (WHERE event IN ('visit', 'view', 'like', 'comment', 'follow', 'share', 'search', 'click', 'cart',
                              'purchase') AND age_days < 60) AS deepest_stage_60d,
    count(*) FILTER (WHERE event IN ('visit', 'view') AND age_days < 60) AS looks_60d,
    count(*) FILTER (WHERE event = 'cart' AND age_days < 180) AS carts_180d,
    count(*) FILTER (WHERE event = 'search' AND age_days < 180) AS searches_180d,
    count(*) FILTER (WHERE event = 'cart' AND age_days < 180)
      / nullif(count(*) FILTER (WHERE event IN ('cart', 'purchase') AND age_days < 180), 0) AS cart_share,
    count(*) FILTER (WHERE event IN ('cart', 'purchase') AND age_days < 180) AS carts_and_purchases,
    count(*) FILTER (WHERE event = 'search' AND age_days < 180)
      / nullif(count(*) FILTER (WHERE event IN ('search', 'view') AND age_days < 180), 0) AS search_share,
    count(*) FILTER (WHERE event IN ('search', 'view') AND age_days < 180) AS searches_and_views
  FROM events
  GROUP BY user_id
),
profile AS (
  SELECT user_id, age_days AS joined_days, age_band, gender, city_tier FROM users
),
interest_counts AS (
  SELECT user_id, topic AS value, count(*) AS n, sum(power(0.5, age_days / 90.0)) AS weight, sum(power(0.25, age_days / 90.0)) AS weight_squared
  FROM events
  WHERE event IN ('view', 'like', 'comment', 'share', 'search', 'click', 'follow', 'review') AND topic IS NOT NULL
  GROUP BY user_id, value
),
interest_days AS (
  SELECT user_id, day, sum(n) AS m, sum(n * n) AS same
  FROM (
    SELECT user_id, floor(age_days) AS day, topic AS value, count(*) AS n
    FROM sampled
    WHERE event IN ('view', 'like', 'comment', 'share', 'search', 'click', 'follow', 'review') AND topic IS NOT NULL
    GROUP BY user_id, day, value
  )
  GROUP BY user_id, day
),
interest_visit AS (
  SELECT coalesce(1 + greatest(size - 1, 0)
    * least(greatest((p_day - p_user) / nullif(1 - p_user, 0), 0), 1), 1) AS deff
  FROM (
    SELECT sum(same_day) / nullif(sum(pairs), 0) AS p_day, sum(squares / (n + 10)) / sum(n / (n + 10)) AS size
    FROM (
      SELECT sum(m) AS n, sum(m * m) AS squares, sum(m * m - m) AS pairs, sum(same - m) AS same_day
      FROM interest_days
      GROUP BY user_id
    )
  ), (
    SELECT sum(same - n) / nullif(sum(n * n - n), 0) AS p_user
    FROM (
      SELECT sum(n) AS n, sum(n * n) AS same
      FROM (
        SELECT user_id, count(*) AS n
        FROM sampled
        WHERE event IN ('view', 'like', 'comment', 'share', 'search', 'click', 'follow', 'review') AND topic IS NOT NULL
        GROUP BY user_id, topic
      )
      GROUP BY user_id
    )
  )
),
interest_sums AS (
  SELECT *,
    sum(n) OVER (PARTITION BY user_id) AS user_n,
    sum(weight) OVER (PARTITION BY user_id) AS user_weight,
    sum(weight_squared) OVER (PARTITION BY user_id) AS user_rows
  FROM interest_counts
),
interest_totals AS (
  SELECT s.*, least(user_rows * deff, user_weight * user_weight) AS user_weight_squared
  FROM interest_sums AS s
  CROSS JOIN interest_visit
),
interest_shares AS (
  SELECT value, sum(weight) / (SELECT sum(weight) FROM interest_counts) AS share
  FROM interest_counts
  GROUP BY value
),
interest_prior AS (
  SELECT least(greatest(1 / least(greatest(rho, doubt, 0.001), 0.95) - 1, 0.05), 1000) AS strength
  FROM (
    SELECT
      sqrt(2.0 / count(*)) * avg(kish) AS doubt,
      sum(same - squares - (1 - squares) * kish) / sum((1 - squares) * (1 - kish)) AS rho
    FROM (
      SELECT user_id, sum(weight * weight) / (any_value(user_weight) * any_value(user_weight)) AS same,
        any_value(user_weight_squared) / (any_value(user_weight) * any_value(user_weight)) AS kish
      FROM interest_totals
      WHERE user_n >= 2
      GROUP BY user_id
    ), (SELECT sum(share * share) AS squares FROM interest_shares)
  )
),
interest_shapes AS (
  SELECT t.user_id, t.value, t.n, s.share,
    greatest(p.strength * s.share + t.weight * t.user_weight / t.user_weight_squared, 0.3) AS a,
    greatest(p.strength * (1 - s.share) + (t.user_weight - t.weight) * t.user_weight / t.user_weight_squared, 0.3) AS b,
    least(1.5 * s.share, (1 + s.share) / 2) AS threshold
  FROM interest_totals AS t
  JOIN interest_shares AS s USING (value)
  CROSS JOIN interest_prior AS p
  WHERE t.n >= 3 AND s.share < 0.999
),
interest_scores AS (
  SELECT *, round(a / (a + b) / share, 4) AS lift,
    ((1 - 1 / (9 * b)) * root - (1 - 1 / (9 * a))) / sqrt(root * root / (9 * b) + 1 / (9 * a)) AS z
  FROM (SELECT *, power(b * threshold / (a * (1 - threshold)), 1.0 / 3) AS root FROM interest_shapes)
),
interest AS (
  SELECT user_id, value, row_number() OVER (PARTITION BY user_id ORDER BY lift DESC, n DESC, value) AS place
  FROM interest_scores
  WHERE round(1 - 1 / (1 + exp(-greatest(least(z, 8), -8) * (1.5976 + 0.070566 * pow(greatest(least(z, 8), -8), 2)))), 4) >= 0.7
  QUALIFY place <= 3
),
buys_counts AS (
  SELECT user_id, topic AS value, count(*) AS n, sum(power(0.5, age_days / 180.0)) AS weight, sum(power(0.25, age_days / 180.0)) AS weight_squared
  FROM events
  WHERE event IN ('purchase', 'cart') AND topic IS NOT NULL
  GROUP BY user_id, value
),
buys_days AS (
  SELECT user_id, day, sum(n) AS m, sum(n * n) AS same
  FROM (
    SELECT user_id, floor(age_days) AS day, topic AS value, count(*) AS n
    FROM sampled
    WHERE event IN ('purchase', 'cart') AND topic IS NOT NULL
    GROUP BY user_id, day, value
  )
  GROUP BY user_id, day
),
buys_visit AS (
  SELECT coalesce(1 + greatest(size - 1, 0)
    * least(greatest((p_day - p_user) / nullif(1 - p_user, 0), 0), 1), 1) AS deff
  FROM (
    SELECT sum(same_day) / nullif(sum(pairs), 0) AS p_day, sum(squares / (n + 10)) / sum(n / (n + 10)) AS size
    FROM (
      SELECT sum(m) AS n, sum(m * m) AS squares, sum(m * m - m) AS pairs, sum(same - m) AS same_day
      FROM buys_days
      GROUP BY user_id
    )
  ), (
    SELECT sum(same - n) / nullif(sum(n * n - n), 0) AS p_user
    FROM (
      SELECT sum(n) AS n, sum(n * n) AS same
      FROM (
        SELECT user_id, count(*) AS n
        FROM sampled
        WHERE event IN ('purchase', 'cart') AND topic IS NOT NULL
        GROUP BY user_id, topic
      )
      GROUP BY user_id
    )
  )
),
buys_sums AS (
  SELECT *,
    sum(n) OVER (PARTITION BY user_id) AS user_n,
    sum(weight) OVER (PARTITION BY user_id) AS user_weight,
    sum(weight_squared) OVER (PARTITION BY user_id) AS user_rows
  FROM buys_counts
),
buys_totals AS (
  SELECT s.*, least(user_rows * deff, user_weight * user_weight) AS user_weight_squared
  FROM buys_sums AS s
  CROSS JOIN buys_visit
),
buys_shares AS (
  SELECT value, sum(weight) / (SELECT sum(weight) FROM buys_counts) AS share
  FROM buys_counts
  GROUP BY value
),
buys_prior AS (
  SELECT least(greatest(1 / least(greatest(rho, doubt, 0.001), 0.95) - 1, 0.05), 1000) AS strength
  FROM (
    SELECT
      sqrt(2.0 / count(*)) * avg(kish) AS doubt,
      sum(same - squares - (1 - squares) * kish) / sum((1 - squares) * (1 - kish)) AS rho
    FROM (
      SELECT user_id, sum(weight * weight) / (any_value(user_weight) * any_value(user_weight)) AS same,
        any_value(user_weight_squared) / (any_value(user_weight) * any_value(user_weight)) AS kish
      FROM buys_totals
      WHERE user_n >= 2
      GROUP BY user_id
    ), (SELECT sum(share * share) AS squares FROM buys_shares)
  )
),
buys_shapes AS (
  SELECT t.user_id, t.value, t.n, s.share,
    greatest(p.strength * s.share + t.weight * t.user_weight / t.user_weight_squared, 0.3) AS a,
    greatest(p.strength * (1 - s.share) + (t.user_weight - t.weight) * t.user_weight / t.user_weight_squared, 0.3) AS b,
    least(1.3 * s.share, (1 + s.share) / 2) AS threshold
  FROM buys_totals AS t
  JOIN buys_shares AS s USING (value)
  CROSS JOIN buys_prior AS p
  WHERE t.n >= 3 AND s.share < 0.999
),
buys_scores AS (
  SELECT *, round(a / (a + b) / share, 4) AS lift,
    ((1 - 1 / (9 * b)) * root - (1 - 1 / (9 * a))) / sqrt(root * root / (9 * b) + 1 / (9 * a)) AS z
  FROM (SELECT *, power(b * threshold / (a * (1 - threshold)), 1.0 / 3) AS root FROM buys_shapes)
),
buys AS (
  SELECT user_id, value, row_number() OVER (PARTITION BY user_id ORDER BY lift DESC, n DESC, value) AS place
  FROM buys_scores
  WHERE round(1 - 1 / (1 + exp(-greatest(least(z, 8), -8) * (1.5976 + 0.070566 * pow(greatest(least(z, 8), -8), 2)))), 4) >= 0.7
  QUALIFY place <= 3
),
tired_of_counts AS (
  SELECT user_id, topic AS value, count(*) AS n, sum(power(0.5, age_days / 90.0)) AS weight, sum(power(0.25, age_days / 90.0)) AS weight_squared
  FROM events
  WHERE event IN ('hide', 'mute') AND topic IS NOT NULL
  GROUP BY user_id, value
),
tired_of_days AS (
  SELECT user_id, day, sum(n) AS m, sum(n * n) AS same
  FROM (
    SELECT user_id, floor(age_days) AS day, topic AS value, count(*) AS n
    FROM sampled
    WHERE event IN ('hide', 'mute') AND topic IS NOT NULL
    GROUP BY user_id, day, value
  )
  GROUP BY user_id, day
),
tired_of_visit AS (
  SELECT coalesce(1 + greatest(size - 1, 0)
    * least(greatest((p_day - p_user) / nullif(1 - p_user, 0), 0), 1), 1) AS deff
  FROM (
    SELECT sum(same_day) / nullif(sum(pairs), 0) AS p_day, sum(squares / (n + 10)) / sum(n / (n + 10)) AS size
    FROM (
      SELECT sum(m) AS n, sum(m * m) AS squares, sum(m * m - m) AS pairs, sum(same - m) AS same_day
      FROM tired_of_days
      GROUP BY user_id
    )
  ), (
    SELECT sum(same - n) / nullif(sum(n * n - n), 0) AS p_user
    FROM (
      SELECT sum(n) AS n, sum(n * n) AS same
      FROM (
        SELECT user_id, count(*) AS n
        FROM sampled
        WHERE event IN ('hide', 'mute') AND topic IS NOT NULL
        GROUP BY user_id, topic
      )
      GROUP BY user_id
    )
  )
),
tired_of_sums AS (
  SELECT *,
    sum(n) OVER (PARTITION BY user_id) AS user_n,
    sum(weight) OVER (PARTITION BY user_id) AS user_weight,
    sum(weight_squared) OVER (PARTITION BY user_id) AS user_rows
  FROM tired_of_counts
),
tired_of_totals AS (
  SELECT s.*, least(user_rows * deff, user_weight * user_weight) AS user_weight_squared
  FROM tired_of_sums AS s
  CROSS JOIN tired_of_visit
),
tired_of_shares AS (
  SELECT value, sum(weight) / (SELECT sum(weight) FROM tired_of_counts) AS share
  FROM tired_of_counts
  GROUP BY value
),
tired_of_prior AS (
  SELECT least(greatest(1 / least(greatest(rho, doubt, 0.001), 0.95) - 1, 0.05), 1000) AS strength
  FROM (
    SELECT
      sqrt(2.0 / count(*)) * avg(kish) AS doubt,
      sum(same - squares - (1 - squares) * kish) / sum((1 - squares) * (1 - kish)) AS rho
    FROM (
      SELECT user_id, sum(weight * weight) / (any_value(user_weight) * any_value(user_weight)) AS same,
        any_value(user_weight_squared) / (any_value(user_weight) * any_value(user_weight)) AS kish
      FROM tired_of_totals
      WHERE user_n >= 2
      GROUP BY user_id
    ), (SELECT sum(share * share) AS squares FROM tired_of_shares)
  )
),
tired_of_shapes AS (
  SELECT t.user_id, t.value, t.n, s.share,
    greatest(p.strength * s.share + t.weight * t.user_weight / t.user_weight_squared, 0.3) AS a,
    greatest(p.strength * (1 - s.share) + (t.user_weight - t.weight) * t.user_weight / t.user_weight_squared, 0.3) AS b,
    least(1.5 * s.share, (1 + s.share) / 2) AS threshold
  FROM tired_of_totals AS t
  JOIN tired_of_shares AS s USING (value)
  CROSS JOIN tired_of_prior AS p
  WHERE t.n >= 2 AND s.share < 0.999
),
tired_of_scores AS (
  SELECT *, round(a / (a + b) / share, 4) AS lift,
    ((1 - 1 / (9 * b)) * root - (1 - 1 / (9 * a))) / sqrt(root * root / (9 * b) + 1 / (9 * a)) AS z
  FROM (SELECT *, power(b * threshold / (a * (1 - threshold)), 1.0 / 3) AS root FROM tired_of_shapes)
),
tired_of AS (
  SELECT user_id, value, row_number() OVER (PARTITION BY user_id ORDER BY lift DESC, n DESC, value) AS place
  FROM tired_of_scores
  WHERE round(1 - 1 / (1 + exp(-greatest(least(z, 8), -8) * (1.5976 + 0.070566 * pow(greatest(least(z, 8), -8), 2)))), 4) >= 0.7
  QUALIFY place <= 2
),
brand_taste_counts AS (
  SELECT user_id, brand_tier AS value, count(*) AS n, sum(power(0.5, age_days / 180.0)) AS weight, sum(power(0.25, age_days / 180.0)) AS weight_squared
  FROM events
  WHERE event IN ('view', 'like', 'share', 'click', 'cart', 'purchase') AND brand_tier IS NOT NULL
  GROUP BY user_id, value
),
brand_taste_days AS (
  SELECT user_id, day, sum(n) AS m, sum(n * n) AS same
  FROM (
    SELECT user_id, floor(age_days) AS day, brand_tier AS value, count(*) AS n
    FROM sampled
    WHERE event IN ('view', 'like', 'share', 'click', 'cart', 'purchase') AND brand_tier IS NOT NULL
    GROUP BY user_id, day, value
  )
  GROUP BY user_id, day
),
brand_taste_visit AS (
  SELECT coalesce(1 + greatest(size - 1, 0)
    * least(greatest((p_day - p_user) / nullif(1 - p_user, 0), 0), 1), 1) AS deff
  FROM (
    SELECT sum(same_day) / nullif(sum(pairs), 0) AS p_day, sum(squares / (n + 10)) / sum(n / (n + 10)) AS size
    FROM (
      SELECT sum(m) AS n, sum(m * m) AS squares, sum(m * m - m) AS pairs, sum(same - m) AS same_day
      FROM brand_taste_days
      GROUP BY user_id
    )
  ), (
    SELECT sum(same - n) / nullif(sum(n * n - n), 0) AS p_user
    FROM (
      SELECT sum(n) AS n, sum(n * n) AS same
      FROM (
        SELECT user_id, count(*) AS n
        FROM sampled
        WHERE event IN ('view', 'like', 'share', 'click', 'cart', 'purchase') AND brand_tier IS NOT NULL
        GROUP BY user_id, brand_tier
      )
      GROUP BY user_id
    )
  )
),
brand_taste_sums AS (
  SELECT *,
    sum(n) OVER (PARTITION BY user_id) AS user_n,
    sum(weight) OVER (PARTITION BY user_id) AS user_weight,
    sum(weight_squared) OVER (PARTITION BY user_id) AS user_rows
  FROM brand_taste_counts
),
brand_taste_totals AS (
  SELECT s.*, least(user_rows * deff, user_weight * user_weight) AS user_weight_squared
  FROM brand_taste_sums AS s
  CROSS JOIN brand_taste_visit
),
brand_taste_shares AS (
  SELECT value, sum(weight) / (SELECT sum(weight) FROM brand_taste_counts) AS share
  FROM brand_taste_counts
  GROUP BY value
),
brand_taste_prior AS (
  SELECT least(greatest(1 / least(greatest(rho, doubt, 0.001), 0.95) - 1, 0.05), 1000) AS strength
  FROM (
    SELECT
      sqrt(2.0 / count(*)) * avg(kish) AS doubt,
      sum(same - squares - (1 - squares) * kish) / sum((1 - squares) * (1 - kish)) AS rho
    FROM (
      SELECT user_id, sum(weight * weight) / (any_value(user_weight) * any_value(user_weight)) AS same,
        any_value(user_weight_squared) / (any_value(user_weight) * any_value(user_weight)) AS kish
      FROM brand_taste_totals
      WHERE user_n >= 2
      GROUP BY user_id
    ), (SELECT sum(share * share) AS squares FROM brand_taste_shares)
  )
),
brand_taste_shapes AS (
  SELECT t.user_id, t.value, t.n, s.share,
    greatest(p.strength * s.share + t.weight * t.user_weight / t.user_weight_squared, 0.3) AS a,
    greatest(p.strength * (1 - s.share) + (t.user_weight - t.weight) * t.user_weight / t.user_weight_squared, 0.3) AS b,
    least(1.2 * s.share, (1 + s.share) / 2) AS threshold
  FROM brand_taste_totals AS t
  JOIN brand_taste_shares AS s USING (value)
  CROSS JOIN brand_taste_prior AS p
  WHERE t.n >= 2 AND s.share < 0.999
),
brand_taste_scores AS (
  SELECT *, round(a / (a + b) / share, 4) AS lift,
    ((1 - 1 / (9 * b)) * root - (1 - 1 / (9 * a))) / sqrt(root * root / (9 * b) + 1 / (9 * a)) AS z
  FROM (SELECT *, power(b * threshold / (a * (1 - threshold)), 1.0 / 3) AS root FROM brand_taste_shapes)
),
brand_taste AS (
  SELECT user_id, value, row_number() OVER (PARTITION BY user_id ORDER BY lift DESC, n DESC, value) AS place
  FROM brand_taste_scores
  WHERE round(1 - 1 / (1 + exp(-greatest(least(z, 8), -8) * (1.5976 + 0.070566 * pow(greatest(least(z, 8), -8), 2)))), 4) >= 0.6
  QUALIFY place <= 1
),
daypart_counts AS (
  SELECT user_id, CASE WHEN local_hour BETWEEN 5 AND 9 THEN 'morning' WHEN local_hour BETWEEN 10 AND 13 THEN 'midday' WHEN local_hour BETWEEN 14 AND 17 THEN 'afternoon' WHEN local_hour BETWEEN 18 AND 21 THEN 'evening' ELSE 'night' END AS value, count(*) AS n, CAST(count(*) AS DOUBLE) AS weight, CAST(count(*) AS DOUBLE) AS weight_squared
  FROM events
  WHERE age_days < 180 AND CASE WHEN local_hour BETWEEN 5 AND 9 THEN 'morning' WHEN local_hour BETWEEN 10 AND 13 THEN 'midday' WHEN local_hour BETWEEN 14 AND 17 THEN 'afternoon' WHEN local_hour BETWEEN 18 AND 21 THEN 'evening' ELSE 'night' END IS NOT NULL
  GROUP BY user_id, value
),
daypart_days AS (
  SELECT user_id, day, sum(n) AS m, sum(n * n) AS same
  FROM (
    SELECT user_id, floor(age_days) AS day, CASE WHEN local_hour BETWEEN 5 AND 9 THEN 'morning' WHEN local_hour BETWEEN 10 AND 13 THEN 'midday' WHEN local_hour BETWEEN 14 AND 17 THEN 'afternoon' WHEN local_hour BETWEEN 18 AND 21 THEN 'evening' ELSE 'night' END AS value, count(*) AS n
    FROM sampled
    WHERE age_days < 180 AND CASE WHEN local_hour BETWEEN 5 AND 9 THEN 'morning' WHEN local_hour BETWEEN 10 AND 13 THEN 'midday' WHEN local_hour BETWEEN 14 AND 17 THEN 'afternoon' WHEN local_hour BETWEEN 18 AND 21 THEN 'evening' ELSE 'night' END IS NOT NULL
    GROUP BY user_id, day, value
  )
  GROUP BY user_id, day
),
daypart_visit AS (
  SELECT coalesce(1 + greatest(size - 1, 0)
    * least(greatest((p_day - p_user) / nullif(1 - p_user, 0), 0), 1), 1) AS deff
  FROM (
    SELECT sum(same_day) / nullif(sum(pairs), 0) AS p_day, sum(squares / (n + 10)) / sum(n / (n + 10)) AS size
    FROM (
      SELECT sum(m) AS n, sum(m * m) AS squares, sum(m * m - m) AS pairs, sum(same - m) AS same_day
      FROM daypart_days
      GROUP BY user_id
    )
  ), (
    SELECT sum(same - n) / nullif(sum(n * n - n), 0) AS p_user
    FROM (
      SELECT sum(n) AS n, sum(n * n) AS same
      FROM (
        SELECT user_id, count(*) AS n
        FROM sampled
        WHERE age_days < 180 AND CASE WHEN local_hour BETWEEN 5 AND 9 THEN 'morning' WHEN local_hour BETWEEN 10 AND 13 THEN 'midday' WHEN local_hour BETWEEN 14 AND 17 THEN 'afternoon' WHEN local_hour BETWEEN 18 AND 21 THEN 'evening' ELSE 'night' END IS NOT NULL
        GROUP BY user_id, CASE WHEN local_hour BETWEEN 5 AND 9 THEN 'morning' WHEN local_hour BETWEEN 10 AND 13 THEN 'midday' WHEN local_hour BETWEEN 14 AND 17 THEN 'afternoon' WHEN local_hour BETWEEN 18 AND 21 THEN 'evening' ELSE 'night' END
      )
      GROUP BY user_id
    )
  )
),
daypart_sums AS (
  SELECT *,
    sum(n) OVER (PARTITION BY user_id) AS user_n,
    sum(weight) OVER (PARTITION BY user_id) AS user_weight,
    sum(weight_squared) OVER (PARTITION BY user_id) AS user_rows
  FROM daypart_counts
),
daypart_totals AS (
  SELECT s.*, least(user_rows * deff, user_weight * user_weight) AS user_weight_squared
  FROM daypart_sums AS s
  CROSS JOIN daypart_visit
),
daypart_shares AS (
  SELECT value, sum(weight) / (SELECT sum(weight) FROM daypart_counts) AS share
  FROM daypart_counts
  GROUP BY value
),
daypart_prior AS (
  SELECT least(greatest(1 / least(greatest(rho, doubt, 0.001), 0.95) - 1, 0.05), 1000) AS strength
  FROM (
    SELECT
      sqrt(2.0 / count(*)) * avg(kish) AS doubt,
      sum(same - squares - (1 - squares) * kish) / sum((1 - squares) * (1 - kish)) AS rho
    FROM (
      SELECT user_id, sum(weight * weight) / (any_value(user_weight) * any_value(user_weight)) AS same,
        any_value(user_weight_squared) / (any_value(user_weight) * any_value(user_weight)) AS kish
      FROM daypart_totals
      WHERE user_n >= 2
      GROUP BY user_id
    ), (SELECT sum(share * share) AS squares FROM daypart_shares)
  )
),
daypart_shapes AS (
  SELECT t.user_id, t.value, t.n, s.share,
    greatest(p.strength * s.share + t.weight * t.user_weight / t.user_weight_squared, 0.3) AS a,
    greatest(p.strength * (1 - s.share) + (t.user_weight - t.weight) * t.user_weight / t.user_weight_squared, 0.3) AS b,
    least(1.2 * s.share, (1 + s.share) / 2) AS threshold
  FROM daypart_totals AS t
  JOIN daypart_shares AS s USING (value)
  CROSS JOIN daypart_prior AS p
  WHERE t.n >= 4 AND s.share < 0.999
),
daypart_scores AS (
  SELECT *, round(a / (a + b) / share, 4) AS lift,
    ((1 - 1 / (9 * b)) * root - (1 - 1 / (9 * a))) / sqrt(root * root / (9 * b) + 1 / (9 * a)) AS z
  FROM (SELECT *, power(b * threshold / (a * (1 - threshold)), 1.0 / 3) AS root FROM daypart_shapes)
),
daypart AS (
  SELECT user_id, value, row_number() OVER (PARTITION BY user_id ORDER BY lift DESC, n DESC, value) AS place
  FROM daypart_scores
  WHERE round(1 - 1 / (1 + exp(-greatest(least(z, 8), -8) * (1.5976 + 0.070566 * pow(greatest(least(z, 8), -8), 2)))), 4) >= 0.6
  QUALIFY place <= 1
),
channel_counts AS (
  SELECT user_id, channel AS value, count(*) AS n, CAST(count(*) AS DOUBLE) AS weight, CAST(count(*) AS DOUBLE) AS weight_squared
  FROM events
  WHERE age_days < 180 AND channel IS NOT NULL
  GROUP BY user_id, value
),
channel_days AS (
  SELECT user_id, day, sum(n) AS m, sum(n * n) AS same
  FROM (
    SELECT user_id, floor(age_days) AS day, channel AS value, count(*) AS n
    FROM sampled
    WHERE age_days < 180 AND channel IS NOT NULL
    GROUP BY user_id, day, value
  )
  GROUP BY user_id, day
),
channel_visit AS (
  SELECT coalesce(1 + greatest(size - 1, 0)
    * least(greatest((p_day - p_user) / nullif(1 - p_user, 0), 0), 1), 1) AS deff
  FROM (
    SELECT sum(same_day) / nullif(sum(pairs), 0) AS p_day, sum(squares / (n + 10)) / sum(n / (n + 10)) AS size
    FROM (
      SELECT sum(m) AS n, sum(m * m) AS squares, sum(m * m - m) AS pairs, sum(same - m) AS same_day
      FROM channel_days
      GROUP BY user_id
    )
  ), (
    SELECT sum(same - n) / nullif(sum(n * n - n), 0) AS p_user
    FROM (
      SELECT sum(n) AS n, sum(n * n) AS same
      FROM (
        SELECT user_id, count(*) AS n
        FROM sampled
        WHERE age_days < 180 AND channel IS NOT NULL
        GROUP BY user_id, channel
      )
      GROUP BY user_id
    )
  )
),
channel_sums AS (
  SELECT *,
    sum(n) OVER (PARTITION BY user_id) AS user_n,
    sum(weight) OVER (PARTITION BY user_id) AS user_weight,
    sum(weight_squared) OVER (PARTITION BY user_id) AS user_rows
  FROM channel_counts
),
channel_totals AS (
  SELECT s.*, least(user_rows * deff, user_weight * user_weight) AS user_weight_squared
  FROM channel_sums AS s
  CROSS JOIN channel_visit
),
channel_shares AS (
  SELECT value, sum(weight) / (SELECT sum(weight) FROM channel_counts) AS share
  FROM channel_counts
  GROUP BY value
),
channel_prior AS (
  SELECT least(greatest(1 / least(greatest(rho, doubt, 0.001), 0.95) - 1, 0.05), 1000) AS strength
  FROM (
    SELECT
      sqrt(2.0 / count(*)) * avg(kish) AS doubt,
      sum(same - squares - (1 - squares) * kish) / sum((1 - squares) * (1 - kish)) AS rho
    FROM (
      SELECT user_id, sum(weight * weight) / (any_value(user_weight) * any_value(user_weight)) AS same,
        any_value(user_weight_squared) / (any_value(user_weight) * any_value(user_weight)) AS kish
      FROM channel_totals
      WHERE user_n >= 2
      GROUP BY user_id
    ), (SELECT sum(share * share) AS squares FROM channel_shares)
  )
),
channel_shapes AS (
  SELECT t.user_id, t.value, t.n, s.share,
    greatest(p.strength * s.share + t.weight * t.user_weight / t.user_weight_squared, 0.3) AS a,
    greatest(p.strength * (1 - s.share) + (t.user_weight - t.weight) * t.user_weight / t.user_weight_squared, 0.3) AS b,
    least(1.2 * s.share, (1 + s.share) / 2) AS threshold
  FROM channel_totals AS t
  JOIN channel_shares AS s USING (value)
  CROSS JOIN channel_prior AS p
  WHERE t.n >= 4 AND s.share < 0.999
),
channel_scores AS (
  SELECT *, round(a / (a + b) / share, 4) AS lift,
    ((1 - 1 / (9 * b)) * root - (1 - 1 / (9 * a))) / sqrt(root * root / (9 * b) + 1 / (9 * a)) AS z
  FROM (SELECT *, power(b * threshold / (a * (1 - threshold)), 1.0 / 3) AS root FROM channel_shapes)
),
channel AS (
  SELECT user_id, value, row_number() OVER (PARTITION BY user_id ORDER BY lift DESC, n DESC, value) AS place
  FROM channel_scores
  WHERE round(1 - 1 / (1 + exp(-greatest(least(z, 8), -8) * (1.5976 + 0.070566 * pow(greatest(least(z, 8), -8), 2)))), 4) >= 0.6
  QUALIFY place <= 1
),
measured AS (
  SELECT u.user_id, p.joined_days, p.age_band, p.gender, p.city_tier,
    c.purchase_recency_days, coalesce(c.purchase_days_180d, 0) AS purchase_days_180d,
    CASE WHEN c.purchases_180d > 0 THEN c.spend_180d ELSE 0 END AS spend_180d,
    coalesce(c.purchases_180d, 0) AS purchases_180d,
    c.mean_purchase, c.weekend_purchase_share, c.refund_share,
    coalesce(c.refunds_365d, 0) AS refunds_365d, coalesce(c.orders_and_refunds, 0) AS orders_and_refunds,
    coalesce(v.looks_90d, 0) AS looks_90d, v.topics_90d, v.topics_90d / sqrt(v.looks_90d) AS topics_per_look,
    coalesce(r.events_180d, 0) AS events_180d, r.weekend_share, r.work_hours_share,
    a.first_seen_days, a.recency_days, coalesce(a.active_days_90d, 0) AS active_days_90d,
    coalesce(a.events_30d, 0) AS events_30d, coalesce(a.events_90d, 0) AS events_90d,
    coalesce(a.events_30_to_90d, 0) AS events_30_to_90d, coalesce(a.active_days_30d, 0) AS active_days_30d,
    coalesce(a.active_days_30_to_60d, 0) AS active_days_30_to_60d,
    (coalesce(a.active_days_30d, 0) - coalesce(a.active_days_30_to_60d, 0))
      / sqrt(coalesce(a.active_days_30d, 0) + coalesce(a.active_days_30_to_60d, 0) + 1) AS trend,
    a.reaction_share, coalesce(a.looks_and_reactions, 0) AS looks_and_reactions,
    coalesce(a.views_180d, 0) AS views_180d, coalesce(a.reactions_180d, 0) AS reactions_180d,
    coalesce(s.shares_180d, 0) AS shares_180d, coalesce(s.invites_180d, 0) AS invites_180d,
    coalesce(s.reviews_365d, 0) AS reviews_365d,
    f.deepest_stage_60d, coalesce(f.looks_60d, 0) AS looks_60d, coalesce(f.carts_180d, 0) AS carts_180d,
    coalesce(f.searches_180d, 0) AS searches_180d, f.cart_share, coalesce(f.carts_and_purchases, 0) AS carts_and_purchases,
    f.search_share, coalesce(f.searches_and_views, 0) AS searches_and_views
  FROM user_index AS u
  LEFT JOIN consumption AS c USING (user_id)
  LEFT JOIN variety AS v USING (user_id)
  LEFT JOIN rhythm AS r USING (user_id)
  LEFT JOIN activity AS a USING (user_id)
  LEFT JOIN sharing AS s USING (user_id)
  LEFT JOIN funnel AS f USING (user_id)
  LEFT JOIN profile AS p USING (user_id)
),
cuts AS (
  SELECT
    (SELECT quantile_disc(purchase_days_180d, [0.25, 0.75]) FROM measured
     WHERE purchase_days_180d >= 1) AS frequency,
    (SELECT quantile_disc(spend_180d, [0.25, 0.75]) FROM measured WHERE purchases_180d >= 2) AS spend,
    (SELECT quantile_disc(mean_purchase, [0.25, 0.75]) FROM measured WHERE purchases_180d >= 2) AS mean_purchase,
    (SELECT quantile_disc(topics_per_look, [0.2, 0.8]) FROM measured WHERE looks_90d >= 20) AS topics,
    (SELECT quantile_disc(events_90d, [0.25, 0.75]) FROM measured
     WHERE first_seen_days >= 30 AND events_90d >= 1) AS events,
    (SELECT quantile_disc(reaction_share, [0.25, 0.75]) FROM measured WHERE looks_and_reactions >= 8) AS reactions,
    (SELECT quantile_disc(search_share, [0.25, 0.75]) FROM measured WHERE searches_and_views >= 8) AS searches
)
SELECT m.*,
  CASE WHEN purchase_days_180d = 0 THEN 'none' WHEN purchase_days_180d = 1 THEN 'once'
       WHEN purchase_days_180d < 6 THEN 'repeat' ELSE 'frequent' END AS buyer,
  CASE WHEN purchase_recency_days < 30 THEN 'within 30 days' WHEN purchase_recency_days < 90 THEN '30 to 90 days ago'
       WHEN purchase_recency_days >= 90 THEN 'over 90 days ago' END AS purchase_recency,
  CASE WHEN purchase_days_180d >= 1 THEN
       CASE WHEN purchase_days_180d <= cuts.frequency[1] THEN 'low'
            WHEN purchase_days_180d <= cuts.frequency[2] THEN 'average' ELSE 'high' END END AS purchase_frequency,
  CASE WHEN purchases_180d >= 2 THEN
       CASE WHEN spend_180d <= cuts.spend[1] THEN 'low' WHEN spend_180d <= cuts.spend[2] THEN 'average' ELSE 'high' END
       END AS spend_level,
  CASE WHEN purchases_180d >= 2 THEN
       CASE WHEN m.mean_purchase <= cuts.mean_purchase[1] THEN 'low'
            WHEN m.mean_purchase <= cuts.mean_purchase[2] THEN 'average' ELSE 'high' END END AS spending_power,
  CASE WHEN purchase_days_180d >= 1 THEN CASE
       WHEN purchase_recency_days < 30 AND purchase_days_180d >= 6 THEN 'champion'
       WHEN purchase_recency_days < 60 AND purchase_days_180d >= 3 THEN 'loyal'
       WHEN purchase_recency_days < 30 THEN 'promising'
       WHEN purchase_recency_days >= 60 AND purchase_days_180d >= 3 THEN 'at risk'
       WHEN purchase_recency_days < 90 THEN 'needs attention' ELSE 'hibernating' END END AS rfm_segment,
  CASE WHEN purchases_180d >= 4 THEN CASE WHEN weekend_purchase_share > 0.45 THEN 'yes' ELSE 'no' END
       END AS weekend_shopper,
  CASE WHEN orders_and_refunds >= 5 THEN CASE WHEN refund_share > 0.15 THEN 'yes' ELSE 'no' END END AS returns_things,
  brand_taste.value AS brand_taste,
  CASE WHEN looks_90d >= 20 THEN CASE WHEN topics_per_look <= cuts.topics[1] THEN 'focused'
       WHEN topics_per_look <= cuts.topics[2] THEN 'mixed' ELSE 'wide' END END AS variety,
  daypart.value AS daypart,
  CASE WHEN events_180d >= 30 THEN CASE WHEN weekend_share < 0.2 THEN 'weekdays'
       WHEN weekend_share < 0.4 THEN 'all week' ELSE 'weekends' END END AS week,
  CASE WHEN events_180d >= 10 THEN CASE WHEN work_hours_share > 0.6 THEN 'yes'
       WHEN work_hours_share <= 0.6 THEN 'no' END END AS work_hours,
  CASE WHEN first_seen_days >= 30 AND active_days_90d >= 1 THEN CASE WHEN active_days_90d < 9 THEN 'now and then'
       WHEN active_days_90d < 26 THEN 'weekly' ELSE 'several days a week' END END AS regularity,
  channel.value AS channel,
  CASE WHEN first_seen_days >= 30 AND events_90d >= 1 THEN CASE WHEN events_90d <= cuts.events[1] THEN 'quiet'
       WHEN events_90d <= cuts.events[2] THEN 'regular' ELSE 'busy' END END AS activity_level,
  CASE WHEN first_seen_days >= 60 AND active_days_30d + active_days_30_to_60d >= 5 THEN CASE
       WHEN trend <= -1.65 THEN 'falling' WHEN trend >= 1.65 THEN 'rising' ELSE 'steady' END END AS trend_label,
  CASE WHEN looks_and_reactions >= 8 THEN CASE WHEN reaction_share <= cuts.reactions[1] THEN 'looks on'
       WHEN reaction_share <= cuts.reactions[2] THEN 'reacts at times' ELSE 'reacts a lot' END END AS engagement,
  CASE WHEN first_seen_days < 30 THEN 'new'
       WHEN events_30d > 0 AND events_30_to_90d = 0 AND first_seen_days >= 90 THEN 'returning'
       WHEN recency_days < 30 THEN 'active' WHEN recency_days < 90 THEN 'cooling'
       WHEN recency_days >= 90 THEN 'lapsed' END AS lifecycle,
  CASE WHEN joined_days < 30 THEN 'under 30 days' WHEN joined_days < 182 THEN '1 to 6 months'
       WHEN joined_days < 365 THEN '6 to 12 months' WHEN joined_days >= 365 THEN 'over a year' END AS tenure,
  CASE WHEN events_180d >= 10 THEN CASE WHEN shares_180d < 1 THEN 'rarely' WHEN shares_180d < 4 THEN 'at times'
       ELSE 'often' END END AS sharer,
  CASE WHEN events_180d >= 1 THEN CASE WHEN invites_180d >= 1 THEN 'yes' ELSE 'no' END END AS inviter,
  CASE WHEN purchases_180d >= 1 THEN CASE WHEN reviews_365d >= 1 THEN 'yes' ELSE 'no' END END AS reviewer,
  CASE deepest_stage_60d WHEN 1 THEN 'attention' WHEN 2 THEN 'interest' WHEN 3 THEN 'desire' WHEN 4 THEN 'memory'
       WHEN 5 THEN 'action' END AS funnel_stage,
  CASE WHEN carts_and_purchases >= 4 THEN CASE WHEN cart_share > 0.6 THEN 'yes' ELSE 'no' END END AS cart_leaver,
  CASE WHEN searches_and_views >= 8 THEN CASE WHEN search_share <= cuts.searches[1] THEN 'browses'
       WHEN search_share <= cuts.searches[2] THEN 'both' ELSE 'searches' END END AS searcher,
  interests.listed AS interest, bought.listed AS buys, tired.listed AS tired_of
FROM measured AS m
CROSS JOIN cuts
LEFT JOIN brand_taste ON brand_taste.user_id = m.user_id
LEFT JOIN daypart ON daypart.user_id = m.user_id
LEFT JOIN channel ON channel.user_id = m.user_id
LEFT JOIN (SELECT user_id, list(value ORDER BY value) AS listed FROM interest GROUP BY user_id) AS interests
  ON interests.user_id = m.user_id
LEFT JOIN (SELECT user_id, list(value ORDER BY value) AS listed FROM buys GROUP BY user_id) AS bought
  ON bought.user_id = m.user_id
LEFT JOIN (SELECT user_id, list(value ORDER BY value) AS listed FROM tired_of GROUP BY user_id) AS tired
  ON tired.user_id = m.user_id
