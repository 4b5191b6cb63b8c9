"""What a model's words must be like before they are shown: names that are names, reasons in the right language about hair."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST_NAME: Final = 80  # characters
MOST_WORDS: Final = 10
SHORTEST_REASON: Final = 8
LONGEST_REASON: Final = 400
LONGEST_DESCRIPTION: Final = 160

_NAME: Final = re.compile(r"(?=.*[A-Za-z가-힣].*[A-Za-z가-힣])[A-Za-zÀ-ɏ가-힣0-9 \-–:'’&,·/()+]+")
_ADVICE_EN: Final = re.compile(
    r"\b(you|your|should|would|could|try|consider|because|avoid(ing)?|don['’]?t|never|not|is|are|stay away|ignore"
    r"|instructions?|prompt|https?|www)\b",
    re.IGNORECASE,
)
_ADVICE_KO: Final = re.compile(
    r"(피하|피해|하지 ?마|하지 ?않|말고|말 ?것|금지|비추|추천|어울[리려]|드려|무시|지시|프롬프트)"
    r"|(니다|[어아해여예]요|이에요|세요|까요|네요|군요|시오|마라|한다|이다|된다|하기)$"
)
_MARKUP: Final = re.compile(r"[<>{}\[\]\\`|]|https?:|www\.", re.IGNORECASE)
#: Judgements of the person that nobody asked for: looks, age, origin, body, health.
_PERSONAL: Final = re.compile(
    r"\b(attractive|unattractive|beautiful|pretty|handsome|ugly|sexy|flaws?|years? old|your age|aging|ageing"
    r"|ethnic\w*|race|racial|asian|caucasian|african|european|latina?|overweight|obese|fat|chubby|disease|alopecia|bald(ing|ness)?)\b"
    r"|못생|예쁜 얼굴|잘생|결점|단점이 많|나이|\d0대|늙어|인종|동양인|서양인|백인|흑인"
    r"|(?<![가-힣])비만|뚱뚱|통통|탈모|질환",
    re.IGNORECASE,
)


def tidy(text: object) -> str:
    """``text`` as one line of composed characters without control or invisible ones; "" for what is no string."""
    if not isinstance(text, str):
        return ""
    composed = unicodedata.normalize("NFKC", text)
    visible = "".join(" " if c.isspace() else c for c in composed if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(visible.split())


def is_style_name(name: str) -> bool:
    """Whether a tidied ``name`` can be what a style is called: short, plain, neither a sentence nor advice."""
    if not name or len(name) > LONGEST_NAME or len(name.split()) > MOST_WORDS:
        return False
    return bool(_NAME.fullmatch(name)) and not _ADVICE_EN.search(name) and not _ADVICE_KO.search(name)


def in_language(text: str, language: str) -> bool:
    """Whether the letters of ``text`` are those of ``language`` ("ko": mostly Hangul, "en": nearly all Latin).

    Korean reasons may hold English style names, so 40 % Hangul is enough; other scripts count against either language.
    """
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return False
    hangul = sum("가" <= c <= "힣" for c in letters) / len(letters)
    latin = sum(c < "ɐ" for c in letters) / len(letters)
    return hangul >= 0.4 and hangul + latin > 0.9 if language.startswith("ko") else latin >= 0.9


def is_fit(text: str) -> bool:
    """Whether a tidied reason may be shown: of sane length, no markup or link, no judgement of the person."""
    return SHORTEST_REASON <= len(text) <= LONGEST_REASON and not _MARKUP.search(text) and not _PERSONAL.search(text)
