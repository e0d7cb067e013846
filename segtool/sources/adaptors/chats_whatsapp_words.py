"""What WhatsApp itself writes into a chat, in the languages it does so: media, notices, who came and went."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, replace

# Marks of writing direction and the byte order mark: WhatsApp puts them before its own words.
MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
SPACES = re.compile("[\u00a0\u202f\u2009\u2007]")

# Halves of the day as clocks of twelve hours write them, without points and spaces, lower case.
MORNING = frozenset(
    [
        "am",
        "上午",
        "凌晨",
        "早上",
        "清晨",
        "午前",
        "오전",
        "öö",
        "sa",
        "vorm",
        "πμ",
        "fm",
        "de",
        "ص",
        "पूर्वाह्न",
    ]
)
AFTERNOON = frozenset(
    [
        "pm",
        "下午",
        "晚上",
        "中午",
        "傍晚",
        "午後",
        "오후",
        "ös",
        "ch",
        "nachm",
        "μμ",
        "em",
        "du",
        "م",
        "अपराह्न",
    ]
)
_HALVES = sorted(MORNING | AFTERNOON, key=len, reverse=True)
HALF = r"(?:[ap]\.?\s?m\.?|π\.?μ\.?|μ\.?μ\.?|" + "|".join(map(re.escape, _HALVES)) + r")\.?"

OWN_MARK = "\u200e"  # stands before what WhatsApp says in someone's name, on iPhones

# How names of exported files begin, in each language.
FILE_BEGINNINGS = (
    *("WhatsApp Chat with ", "WhatsApp Chat - ", "WhatsApp Chat mit ", "WhatsApp-Chat mit "),
    *("Chat de WhatsApp con ", "Chat WhatsApp con ", "Conversa do WhatsApp com "),
    *("Conversa no WhatsApp com ", "Discussion WhatsApp avec ", "WhatsApp-chat met ", "Чат WhatsApp с "),
    *("与", "與", "WhatsApp Sohbeti - ", "Chat WhatsApp dengan "),
)

_OMITTED = (
    *("media omitted", "image omitted", "video omitted", "audio omitted", "sticker omitted", "gif omitted"),
    *("document omitted", "contact card omitted", "video note omitted"),
    *("medien ausgeschlossen", "medien weggelassen", "bild weggelassen", "video weggelassen"),
    *("audio weggelassen", "sticker weggelassen", "gif weggelassen", "dokument weggelassen"),
    *("multimedia omitido", "archivo omitido", "imagen omitida", "video omitido", "audio omitido"),
    *("sticker omitido", "gif omitido", "documento omitido"),
    *("mídia oculta", "mídia omitida", "arquivo de mídia oculto", "ficheiro não revelado"),
    *("imagem ocultada", "vídeo omitido", "áudio ocultado", "figurinha omitida", "imagem omitida"),
    *("médias omis", "fichier omis", "image absente", "vidéo absente", "audio omis", "sticker omis"),
    *("media omessi", "media omesso", "immagine omessa", "video omesso", "audio omesso", "sticker omesso"),
    *("media weggelaten", "afbeelding weggelaten", "video weggelaten", "media disertakan"),
    *("без медиафайлов", "файл пропущен", "медіа пропущено", "pominięto multimedia", "plik pominięto"),
    *("medya dahil edilmedi", "medya atlanmış", "media utelämnat", "media utelatt", "medier udeladt"),
    *("görüntü dahil edilmedi", "video dahil edilmedi", "ses dahil edilmedi", "çıkartma dahil edilmedi"),
    *("media jätettiin pois", "média vynechány", "média elhagyva", "media tidak disertakan"),
    *("省略多媒体文件", "忽略多媒體檔", "图片已略去", "圖片已略去", "视频已略去", "音频已略去"),
    *("メディアなし", "メディアは含まれていません", "画像は含まれていません", "미디어 파일 제외됨"),
    *("미디어 파일을 생략한 대화내용", "تم استبعاد الوسائط", "המדיה לא נכללה", "मीडिया के बिना"),
)
# Bare on iPhones, where a mark shows that nobody typed it; in pointed brackets on Android.
MEDIA = re.compile("|".join(map(re.escape, _OMITTED)), re.IGNORECASE)
ATTACHED = re.compile(
    r"<(?:attached|adjunto|anexado|anexo|allegato|pièce jointe|angehängt|bijgevoegd|附件)[: ][^>\n]*>"
    r"|\S[^\n]*\.\w{2,5} \((?:file attached|archivo adjunto|arquivo anexado|Datei angehängt|fichier joint"
    r"|file allegato|bestand bijgevoegd|文件附件)\)",
    re.IGNORECASE,
)
EDITED = re.compile(
    r"\s*<(?:This message was edited|Se editó este mensaje\.?|Mensagem editada|Diese Nachricht wurde bearbeitet"
    r"\.?|Ce message a été modifié)>\s*$",
    re.IGNORECASE,
)
DELETED = re.compile(
    r"(?:This message was deleted|You deleted this message|Se eliminó este mensaje|Eliminaste este mensaje"
    r"|Mensagem apagada|Você apagou esta mensagem|Essa mensagem foi apagada|Diese Nachricht wurde gelöscht"
    r"|Du hast diese Nachricht gelöscht|Ce message a été supprimé|Vous avez supprimé ce message"
    r"|此消息已删除|您删除了此消息)\.?",
    re.IGNORECASE,
)

_NOTICES = (
    r".*end-to-end encrypted.*|.*Ende-zu-Ende-verschlüsselt.*|.*cifrados de extremo a extremo.*",
    r".*criptografia de ponta a ponta.*|.*chiffrés de bout en bout.*|.*端到端加密.*|.*端对端加密.*",
    r"[^:]* (?:changed|set|deleted|removed|updated) (?:the|this|their|your|to)\b.*",
    r"[^:]* (?:security code|admin|pinned a message|turned (?:on|off)|phone number|disappearing).*",
    r"[^:]*(?:hat|haben|hast) (?:den|das|die|diesen|Gruppen)[^:]* (?:geändert|gelöscht|entfernt).*",
    r"[^:]* cambió (?:el|la|los|las|su)\b.*|[^:]* mudou (?:o|a|para|de)\b.*|[^:]* a (?:changé|modifié) .*",
    r"[^:]*更改了.*|[^:]*变更了.*",
    r"(?:Missed|Silenced) (?:group )?(?:voice|video) call.*|(?:Voice|Video) call.*|Null|Waiting for this message.*",
)
NOTICE = re.compile("|".join(f"(?:{pattern})" for pattern in _NOTICES), re.IGNORECASE | re.DOTALL)
YOU = frozenset(["you", "du", "sie", "tú", "tu", "usted", "te", "você", "vous", "ti", "tu", "je", "您", "你"])


@dataclass(frozen=True)
class Move:
    """Someone came or went.

    Attributes
    ----------
    kind : {"join", "leave"}
    who : tuple of str
    by : str
        "" if nobody else did it.
    """

    kind: str
    who: tuple[str, ...]
    by: str = ""


# Nothing before the verb holds a colon: else "Ann: Ben left" would be no message of Ann's.
_W, _B, _MANY = r"(?P<who>[^:]+?)", r"(?P<by>[^:]+?)", r"(?P<who>.+?)"
_MOVES = tuple(
    (kind, re.compile(pattern + r"\.?", re.IGNORECASE | re.DOTALL))
    for kind, pattern in (
        ("join", rf"{_W} joined (?:using|via|from|with) .*"),
        ("join", rf"{_W} joined(?: the group| this group| the community)?"),
        ("join", rf"{_W} (?:was|were) added(?: to the group)?"),
        ("join", rf"{_B} added {_MANY}(?: to the group)?"),
        ("join", rf"{_W} created (?:the |this )?(?:group|community)\b.*"),
        ("leave", rf"{_W} left(?: the group)?"),
        ("leave", rf"{_W} (?:was|were) removed(?: from the group)?"),
        ("leave", rf"{_B} removed {_MANY}(?: from the group)?"),
        ("join", rf"{_W} (?:ist|bist|sind)\b[^:]* beigetreten"),
        ("join", rf"{_W} wurde(?:n|st)? hinzugefügt"),
        ("join", rf"{_B} (?:hat|hast|haben) {_MANY} hinzugefügt"),
        ("join", rf"{_W} (?:hat|hast|haben) (?:die|diese) Gruppe\b.* erstellt"),
        ("leave", rf"{_W} (?:hat|hast|haben) die Gruppe verlassen"),
        ("leave", rf"{_B} (?:hat|hast|haben) (?!die |das |den ){_MANY} entfernt"),
        ("join", rf"{_W} (?:se unió|te uniste)\b.*"),
        ("join", rf"{_B} (?:añadió|añadiste|agregó|agregaste) a {_MANY}"),
        ("join", rf"{_W} (?:creó|creaste) (?:el|este) grupo\b.*"),
        ("leave", rf"{_W} (?:salió|saliste)(?: del grupo)?"),
        ("leave", rf"{_B} (?:eliminó|eliminaste|sacó) a {_MANY}"),
        ("join", rf"{_W} entrou\b.*"),
        ("join", rf"{_B} adicionou {_MANY}"),
        ("join", rf"{_W} criou (?:o|este) grupo\b.*"),
        ("leave", rf"{_W} saiu(?: do grupo)?"),
        ("leave", rf"{_B} removeu {_MANY}"),
        ("join", rf"{_W} (?:a|avez) rejoint\b.*"),
        ("join", rf"{_B} (?:a|avez) ajouté {_MANY}"),
        ("join", rf"{_W} (?:a|avez) créé (?:le|ce) groupe\b.*"),
        ("leave", rf"{_W} (?:a|avez) quitté(?: le groupe)?"),
        ("leave", rf"{_B} (?:a|avez) (?:retiré|supprimé) (?!ce |le |la ){_MANY}"),
        ("join", r"(?P<who>[^:]+?)(?:使用|通过|透過).*(?:链接|連結)加入.*"),
        ("join", r"(?P<by>[^:]+?)(?:添加了|新增了|已添加|加入了)\s*(?P<who>.+?)"),
        ("join", r"(?P<who>[^:]+?)(?:创建了|建立了).*(?:群组|群組|群).*"),
        ("leave", r"(?P<by>[^:]+?)(?:移除了|已移除)\s*(?P<who>.+?)"),
        ("leave", r"(?P<who>[^:]+?)(?:退出了|已退出|已离开|離開了|退出).*"),
    )
)
_AND = re.compile(r"\s*,\s*|\s+(?:and|und|et|y|e|и)\s+|\s*[、和]\s*")


def read_move(line: str) -> Move | None:
    """Return who came or went by a line that WhatsApp wrote, None if it says something else.

    Examples
    --------
    >>> read_move("Ann added Ben and +49 171 1")
    Move(kind='join', who=('Ben', '+49 171 1'), by='Ann')
    >>> read_move("Ben hat die Gruppe verlassen").kind, read_move("Ann: Ben left") is None
    ('leave', True)
    """
    for kind, pattern in _MOVES:
        found = pattern.fullmatch(line)
        if found is None:
            continue
        said = found.groupdict()
        by = (said.get("by") or "").strip()
        many = found.re.groupindex.get("by") is not None
        who = _AND.split(said["who"]) if many else [said["who"]]
        return Move(kind, tuple(name.strip() for name in who if name.strip()), by)
    return None


def whole_names(line: str, move: Move, known: Set[str]) -> Move:
    """Give the last name of a sentence its stop back, where the chat knows it only with the stop.

    Examples
    --------
    >>> line = "Ann added Ben K."
    >>> whole_names(line, read_move(line), {"Ann", "Ben K."}).who
    ('Ben K.',)
    """
    last = move.who[-1] if move.who else ""
    if not last or not line.endswith(f"{last}.") or last in known or f"{last}." not in known:
        return move
    return replace(move, who=(*move.who[:-1], f"{last}."))


def is_you(name: str) -> bool:
    """Return whether a name is how WhatsApp calls whoever exported the chat."""
    return name.strip().lower() in YOU
