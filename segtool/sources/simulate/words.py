"""The words of the simulated community: topics, titles, chat lines, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """A thing people talk about: its key in the data, its sign, and a few subjects (Chinese, English)."""

    key: str
    sign: str
    subjects: tuple[tuple[str, str], ...]


TOPICS: tuple[Topic, ...] = (
    Topic(
        "parenting",
        "🍼",
        (
            ("亲子陪伴", "time with kids"),
            ("辅食", "first foods"),
            ("睡前故事", "bedtime stories"),
            ("带娃出门", "outings with a toddler"),
        ),
    ),
    Topic(
        "schooling",
        "📚",
        (
            ("小学衔接", "starting school"),
            ("阅读打卡", "reading every day"),
            ("兴趣班", "after-school classes"),
            ("作业时间", "homework hour"),
        ),
    ),
    Topic(
        "home",
        "🏡",
        (
            ("收纳", "tidy shelves"),
            ("小户型", "small flats"),
            ("阳台花园", "balcony gardens"),
            ("换季整理", "season change"),
        ),
    ),
    Topic(
        "recipes",
        "🍲",
        (
            ("快手晚餐", "quick dinners"),
            ("家常汤", "home soups"),
            ("空气炸锅", "air fryer ideas"),
            ("便当", "lunch boxes"),
        ),
    ),
    Topic(
        "skincare",
        "🧴",
        (
            ("防晒", "sunscreen"),
            ("敏感肌", "sensitive skin"),
            ("成分党", "reading ingredients"),
            ("护手霜", "hand cream"),
        ),
    ),
    Topic(
        "trendy_wear",
        "👟",
        (
            ("联名球鞋", "sneaker collabs"),
            ("潮牌上新", "new street wear"),
            ("穿搭", "outfits"),
            ("限量发售", "limited drops"),
        ),
    ),
    Topic(
        "campus",
        "🎓",
        (
            ("宿舍好物", "dorm finds"),
            ("期末周", "exam week"),
            ("社团", "student clubs"),
            ("实习", "internships"),
        ),
    ),
    Topic(
        "celebrities",
        "⭐",
        (("演唱会", "concerts"), ("新剧", "new series"), ("代言", "brand faces"), ("综艺", "variety shows")),
    ),
    Topic(
        "gaming",
        "🎮",
        (("手游", "mobile games"), ("电竞", "e-sports"), ("组队", "finding a team"), ("新皮肤", "new skins")),
    ),
    Topic(
        "gadgets",
        "📱",
        (
            ("耳机测评", "earphones tested"),
            ("新机", "new phones"),
            ("智能家居", "smart home"),
            ("键盘", "keyboards"),
        ),
    ),
    Topic(
        "comedy",
        "😂",
        (("段子", "jokes"), ("萌宠", "funny pets"), ("沙雕日常", "silly days"), ("脱口秀", "stand-up")),
    ),
    Topic(
        "travel",
        "✈️",
        (("周末游", "weekend trips"), ("里程", "air miles"), ("签证", "visas"), ("酒店", "hotels")),
    ),
    Topic(
        "luxury",
        "💎",
        (("免税清单", "duty-free list"), ("腕表", "watches"), ("包", "handbags"), ("香水", "perfume")),
    ),
    Topic(
        "finance",
        "📈",
        (("基金", "funds"), ("股票", "stocks"), ("退休金", "pensions"), ("记账", "keeping accounts")),
    ),
    Topic(
        "fitness",
        "🏃",
        (("跑步", "running"), ("居家训练", "home workouts"), ("瑜伽", "yoga"), ("骑行", "cycling")),
    ),
    Topic(
        "wellness",
        "🍵",
        (
            ("养生茶", "herbal tea"),
            ("睡眠", "sleep"),
            ("八段锦", "eight brocades"),
            ("血压", "blood pressure"),
        ),
    ),
    Topic(
        "deals",
        "🧧",
        (("满减", "money off"), ("优惠券", "coupons"), ("拼单", "group orders"), ("清仓", "clearance")),
    ),
    Topic(
        "news",
        "📰",
        (
            ("早报", "morning brief"),
            ("热点", "talk of the day"),
            ("本地", "around town"),
            ("政策", "new rules"),
        ),
    ),
)
TOPIC_KEYS: tuple[str, ...] = tuple(topic.key for topic in TOPICS)

TITLE_PATTERNS: tuple[tuple[str, str], ...] = (
    ("3分钟看懂{zh}", "{en} in 3 minutes"),
    ("{zh}，别再踩坑", "{en}: mistakes to skip"),
    ("大家都在聊{zh}", "everyone talks about {en}"),
    ("{zh}清单（建议收藏）", "{en}, a list to keep"),
    ("我的{zh}日记", "my {en} diary"),
)
PRODUCT_PATTERNS: dict[str, tuple[str, str]] = {
    "basic": ("{zh}·日常款", "{en}, everyday"),
    "trendy": ("{zh}·潮流联名", "{en}, street edition"),
    "premium": ("{zh}·精选", "{en}, select"),
    "luxury": ("{zh}·典藏", "{en}, fine"),
}
ON_TOPIC_LINES: tuple[str, ...] = (
    "{zh}有人试过吗？",
    "刚看完{zh}，收获很大 👍",
    "anyone tried this? {en}",
    "分享一下我的{zh}心得 {sign}",
    "{en}: worth it?",
    "关于{zh}，我有不同看法",
    "求推荐{zh} 🙏",
    "{sign} {en} again this weekend",
)
REPLY_LINES: tuple[str, ...] = (
    "同意 +1",
    "谢谢，学到了 🙏",
    "我家也是这样",
    "哈哈哈哈",
    "thanks, that helps",
    "试过，真的好用",
    "where did you get it?",
    "在哪里买的？",
    "不太认同，但可以理解",
    "👍👍",
)
QUESTION_LINES: tuple[str, ...] = (
    "新人报到，这个群是做什么的？",
    "怎么领券？",
    "请问怎么下单？",
    "how do I join the activity?",
    "有人吗？",
    "积分在哪里看？",
)
NOTICE_LINES: tuple[str, ...] = (
    "【公告】{zh}新品今晚 20:00 开售 🔥",
    "【通知】本周{zh}直播，记得预约",
    "NEW: {en}, link below",
    "最后一天！{zh}满减",
)
ACTIVITY_TITLES: tuple[tuple[str, str], ...] = (
    ("{zh}打卡周", "{en} week"),
    ("{zh}直播答疑", "live Q&A: {en}"),
    ("线下见面会：{zh}", "meet-up: {en}"),
)
FREE_ANSWERS: tuple[str, ...] = (
    "希望多一些短视频 😊",
    "推送太多了",
    "more about this, please",
    "群里氛围很好，谢谢管理员❤️",
    "价格可以再低一点",
    "ok",
    "没有",
    '喜欢, 但是"太贵"了',
    "Less advertising; more real stories.",
    "第一行\n第二行",
)
