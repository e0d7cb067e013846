"""The little English that names of personas need: plurals of people, and verbs that follow "who".

Only words that are listed here are bent. A value can be in any language, and "Rentners" is worse
than "Rentner": what is not known stays as it was written.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PEOPLE = _words(
    """
    adult boomer buyer child colleague collector commuter couple creator customer designer developer
    doctor driver elder employee engineer entrepreneur executive expat explorer family fan father
    flatmate freelancer gamer gardener graduate grandparent guest homemaker homeowner host household
    housewife hunter lawyer learner listener lover man manager member migrant mother newcomer newlywed
    nurse owner parent pensioner person player professional pupil reader regular renter replier resident
    retiree runner seeker senior shopper single spender student talker teacher teen teenager tenant
    tourist trader trainee traveler traveller user visitor woman worker youngster
    """
)
IRREGULAR = {
    "child": "children",
    "man": "men",
    "person": "people",
    "housewife": "housewives",
    "woman": "women",
}
CONDITIONS = _words(
    """
    divorced employed engaged married retired self-employed separated unemployed unmarried widowed
    working
    """
)
VERBS = _words(
    """
    answers asks attends belongs books brings browses builds buys cares chats clicks collects comes
    comments commutes compares cooks cycles does drinks drives earns eats enjoys exercises fills flies
    follows gets gives goes helps hosts invites joins keeps knows leads leaves lends lets listens lives
    looks loves makes moves needs opens orders organises organizes owns pays plans plays posts prefers
    reacts reads rents replies returns reviews rides runs saves searches seeks sells sends shares shops
    sleeps speaks spends starts stays streams studies subscribes takes talks teaches tells tends tests
    trades trains travels tries uses visits waits walks wants watches wears works writes
    """
)
LEVELS = _words("low lower medium mid middle average high higher top upper")

_LIKING = re.compile(r"(?:likes|loves|enjoys|prefers|(?:is )?(?:interested in|into|fond of)) (.+)")
_VERB = re.compile(r"((?:always|never|often|rarely|seldom|mostly|usually|sometimes) )?([a-z]+) (.+)")
_GROUP = re.compile(r"(?:aged|in|with|under|over|from|between) ")


def names_people(clause: str) -> bool:
    """Return whether a clause says who someone is ("student") and not what they do or where.

    Examples
    --------
    >>> names_people("student"), names_people("aged 18-24"), names_people("lives in a big city")
    (True, False, False)
    """
    is_other = _GROUP.match(clause) or re.match(r"(?:not|no) ", clause)
    is_other = is_other or ": " in clause or name_thing(clause, first=False)
    return not (is_other or liking(clause) or plural_verb(clause))


def people(clause: str, noun: bool) -> str:
    """Return a clause that is no verb as the people it speaks of.

    Examples
    --------
    >>> people("student", noun=True), people("Rentner", noun=True), people("aged 18-24", noun=False)
    ('Students', 'Rentner', 'People aged 18-24')
    """
    if spending := re.fullmatch(r"(\w+)[ -]spending(?: power)?", clause):
        return capital(spending[1]) + " spenders"
    if _GROUP.match(clause):
        return "People " + clause
    return capital(plural(re.sub(r"^(?:an?|the) ", "", clause)) if noun else clause)


def capital(text: str) -> str:
    """Return a text that begins a name."""
    return text[:1].upper() + text[1:]


def name_thing(clause: str, first: bool) -> str:
    """Return "public-sector job" as "a public-sector job"; what comes first and names spenders is none."""
    if clause.endswith("spending power"):
        return "" if first else clause
    if re.search(r"\b(?:job|income|degree|household|budget)$", clause) and ": " not in clause:
        has_article = re.match(r"(?:an?|the) ", clause)
        return clause if has_article else ("an " if clause[0] in "aeiou" else "a ") + clause
    return ""


def liking(clause: str) -> str:
    """Return what a clause says that somebody likes, and an empty text for any other clause."""
    found = _LIKING.fullmatch(clause)
    return found[1] if found else ""


def plural_verb(clause: str) -> str:
    """Return what follows "people who", and an empty text for what is no such clause.

    Examples
    --------
    >>> plural_verb("shops at night"), plural_verb("often buys own brands"), plural_verb("active on weekends")
    ('shop at night', 'often buy own brands', 'are active on weekends')
    >>> plural_verb("alles teuer")
    ''
    """
    if clause.startswith("active "):
        return f"are {clause}"
    found = _VERB.fullmatch(clause)
    if not found:
        return ""
    often, verb, rest = found[1] or "", found[2], found[3]
    if verb in ("is", "has"):
        return f"{often}{'are' if verb == 'is' else 'have'} {rest}"
    if verb not in VERBS:
        return ""
    if verb.endswith("ies"):
        return f"{often}{verb[:-3]}y {rest}"
    return f"{often}{verb[:-2] if re.search(r'(?:sh|ch|ss|x|zz|o)es$', verb) else verb[:-1]} {rest}"


def plural(noun: str) -> str:
    """Return people in the plural where the word for them is known, and anything else as it is.

    Examples
    --------
    >>> plural("student"), plural("young family"), plural("parent of small children"), plural("retired")
    ('students', 'young families', 'parents of small children', 'retired people')
    >>> plural("Familie mit Kindern"), plural("Rentner")
    ('Familie mit Kindern', 'Rentner')
    """
    parts = re.fullmatch(r"(.*?[a-z])((?: (?:of|with|in|on|at|who|from|without) .*)?)", noun)
    if not parts:
        return noun
    head, tail = parts[1], parts[2]
    before, word = re.fullmatch(r"(.*?)([^\s-]*|self-employed)", head).groups()
    if word.lower() in CONDITIONS:
        return f"{head} people{tail}"
    if word.lower() not in PEOPLE:
        return noun
    if word.lower() in IRREGULAR:
        ending = IRREGULAR[word.lower()]
        return before + (capital(ending) if word[0].isupper() else ending) + tail
    if re.search(r"[^aeiou]y$", word):
        return head[:-1] + "ies" + tail
    return head + "s" + tail
