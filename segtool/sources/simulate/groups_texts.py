"""What is written in simulated groups, in Chinese and English, by kind of message and topic."""

from __future__ import annotations

from functools import cache

import numpy as np

from segtool.sources.simulate.groups_talk import AGREEMENT, COMPLAINT, NOTICE, OPENING, QUESTION, REPLY
from segtool.sources.simulate.words import (
    NOTICE_LINES,
    ON_TOPIC_LINES,
    QUESTION_LINES,
    REPLY_LINES,
    TOPICS,
)

COMPLAINT_LINES: tuple[str, ...] = (
    "{zh}太差了，再也不买了 😡",
    "客服根本不回，太失望了",
    "the {en} order is broken and nobody answers. terrible",
    "这次{zh}质量太烂，要投诉",
    "I want a refund, this is awful 👎",
    "虚假宣传，骗人的吧",
    "still waiting for {en}, really angry now",
)
AGREEMENT_LINES: tuple[str, ...] = (
    "我也遇到了，真的很生气",
    "same here, very disappointed",
    "同样的问题，太坑了 😡",
    "对，服务很差",
    "me too, I will complain as well",
    "失望 +1",
)
LINES = {
    OPENING: ON_TOPIC_LINES,
    REPLY: REPLY_LINES,
    QUESTION: QUESTION_LINES,
    NOTICE: NOTICE_LINES,
    COMPLAINT: COMPLAINT_LINES,
    AGREEMENT: AGREEMENT_LINES,
}
MENTIONS = 0.12  # of answers name whom they answer
BOT_LINE = "🤖 每日签到提醒：回复「签到」领积分 / daily check-in, link below"


@cache
def _written(kind: int) -> np.ndarray:
    """Return every line of a kind about every subject, (n_topics, n_subjects, n_lines) of text."""
    return np.array(
        [
            [
                [line.format(zh=zh, en=en, sign=topic.sign) for line in LINES[kind]]
                for zh, en in topic.subjects
            ]
            for topic in TOPICS
        ],
        dtype=object,
    )


def write_texts(kind: np.ndarray, topic: np.ndarray, answered: np.ndarray, rng) -> np.ndarray:
    """Write a text per message.

    Parameters
    ----------
    kind, topic : ndarray of int
        As in `groups_talk.Messages`.
    answered : ndarray of object
        The id of the user who is answered; None for openings.
    rng : Generator
    """
    texts = np.empty(len(kind), dtype=object)
    subject, line = rng.random(len(kind)), rng.random(len(kind))
    for number in LINES:
        rows = np.flatnonzero(kind == number)
        pool = _written(number)
        texts[rows] = pool[
            topic[rows],
            (subject[rows] * pool.shape[1]).astype(int),
            (line[rows] * pool.shape[2]).astype(int),
        ]
    named = np.flatnonzero((kind == REPLY) & (rng.random(len(kind)) < MENTIONS))
    texts[named] = ["@" + user + " " + text for user, text in zip(answered[named], texts[named], strict=True)]
    return texts
