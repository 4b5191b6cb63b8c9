"""Noise for training: typing errors (near keys, dropped, doubled and swapped letters, like sounds, spacing) and cut words."""

from __future__ import annotations

import random
import unicodedata
from typing import Final

_ROWS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_LATIN_SOUNDS: Final = (
    ("ph", "f"), ("ck", "k"), ("c", "k"), ("y", "i"), ("ie", "ei"), ("ei", "ie"), ("ee", "i"), ("i", "e"), ("ou", "o"),
    ("e", "a"), ("er", "ar"), ("x", "ks"), ("gu", "g"), ("th", "t"), ("ea", "e"), ("s", "z"), ("ll", "l"), ("tt", "t"),
    ("ai", "a"), ("igh", "i"), ("wh", "w"), ("qu", "kw"), ("oo", "u"), ("u", "oo"), ("le", "el"), ("sh", "s"), ("a", "u"),
)  # fmt: skip
#: Two-set keyboard neighbours and sounds, as Hangul letters inside a syllable (initial, vowel, final).
_INITIALS: Final = {
    "ᄀ": "ᄁᄏᄃᄉ", "ᄃ": "ᄄᄐᄀᄌ", "ᄇ": "ᄈᄑᄌ", "ᄉ": "ᄊᄀᄌ", "ᄌ": "ᄍᄎᄇᄃ", "ᄎ": "ᄌᄐᄑ",
    "ᄏ": "ᄀᄐ", "ᄐ": "ᄃᄏᄎ", "ᄑ": "ᄇᄎᄒ", "ᄒ": "ᄋᄅ", "ᄂ": "ᄆᄋ", "ᄅ": "ᄋᄒ", "ᄆ": "ᄂ",
    "ᄋ": "ᄂᄅ", "ᄁ": "ᄀ", "ᄄ": "ᄃ", "ᄈ": "ᄇ", "ᄊ": "ᄉ", "ᄍ": "ᄌ",
}  # fmt: skip
_VOWELS: Final = {
    "ᅡ": "ᅣᅥᅵ", "ᅢ": "ᅦᅤ", "ᅣ": "ᅡᅧ", "ᅤ": "ᅨᅢ", "ᅥ": "ᅩᅡᅧ", "ᅦ": "ᅢᅨ", "ᅧ": "ᅥᅣ", "ᅨ": "ᅦᅤ", "ᅩ": "ᅥᅮᅭ", "ᅪ": "ᅡᅯ", "ᅫ": "ᅰᅬ",
    "ᅬ": "ᅰᅫ", "ᅭ": "ᅩᅲ", "ᅮ": "ᅩᅳᅲ", "ᅯ": "ᅥᅪ", "ᅰ": "ᅬᅫᅦ", "ᅱ": "ᅵᅮ", "ᅲ": "ᅮᅭ", "ᅳ": "ᅮᅥ", "ᅴ": "ᅵᅳ", "ᅵ": "ᅱᅡ",
}  # fmt: skip
_FINALS: Final = {"ᆨ": "ᆩᆿ", "ᆫ": "ᆼᆷ", "ᆮ": "ᆺ", "ᆯ": "ᆫ", "ᆷ": "ᆫ", "ᆸ": "ᇁ", "ᆺ": "ᆻᆮᆾ", "ᆼ": "ᆫ", "ᆾ": "ᆺ", "ᇀ": "ᆺ", "ᇁ": "ᆸ"}
_KEYS: Final = {**_INITIALS, **_VOWELS, **_FINALS}


def _neighbours() -> dict[str, str]:
    near: dict[str, set[str]] = {letter: set() for row in _ROWS for letter in row}
    for y, row in enumerate(_ROWS):
        for x, letter in enumerate(row):
            for other_y in (y - 1, y, y + 1):
                if 0 <= other_y < len(_ROWS):
                    near[letter].update(_ROWS[other_y][max(0, x - 1) : x + 2])
            near[letter].discard(letter)
    return {letter: "".join(sorted(others)) for letter, others in near.items()}


_NEAR: Final = _neighbours()


def misspell(text: str, rng: random.Random, errors: int = 1) -> str:
    """``text`` with ``errors`` typing errors; short texts get at most one for every three letters."""
    letters = list(unicodedata.normalize("NFD", text.lower()))
    for _ in range(max(1, min(errors, len(letters) // 3))):
        if len(letters) < 3:
            break
        _one_error(letters, rng)
    return unicodedata.normalize("NFC", "".join(letters))


def break_words(text: str, rng: random.Random, share: float) -> str:
    """``text`` with a hyphen after that share of its letters, so that a tokenizer cuts words where it otherwise would not.

    Does what BPE-dropout does (Provilkov et al., 2020): pieces of words learn to stand for the words. The library's own dropout
    cannot be seeded, and a training that cannot be repeated cannot be checked.
    """
    letters = unicodedata.normalize("NFD", text)
    return "".join(letter + "-" if rng.random() < share else letter for letter in letters)


def _one_error(letters: list[str], rng: random.Random) -> None:
    at = rng.randrange(len(letters))
    letter = letters[at]
    if letter == " ":
        del letters[at]
        return
    kind = rng.random()
    if kind < 0.45:
        if letter in _KEYS:
            letters[at] = rng.choice(_KEYS[letter])
        elif letter in _NEAR:
            if rng.random() < 0.6 and _swap_sound(letters, rng):
                return
            letters[at] = rng.choice(_NEAR[letter])
    elif kind < 0.65:
        # An initial consonant or a vowel cannot be left out of a syllable while typing; a final can, and so can a Latin letter.
        if letter in _FINALS or letter.isascii():
            del letters[at]
    elif kind < 0.75:
        letters.insert(at, letter)
    elif kind < 0.9:
        if at + 1 < len(letters) and letter.isascii() and letters[at + 1].isascii():
            letters[at], letters[at + 1] = letters[at + 1], letter
        elif letter in _VOWELS:
            letters[at] = rng.choice(_VOWELS[letter])
    elif letter.isascii() or letter in _INITIALS:
        letters.insert(at, " ")


def _swap_sound(letters: list[str], rng: random.Random) -> bool:
    text = "".join(letters)
    usable = [(old, new) for old, new in _LATIN_SOUNDS if old in text]
    if not usable:
        return False
    old, new = rng.choice(usable)
    places = [at for at in range(len(text)) if text.startswith(old, at)]
    at = rng.choice(places)
    letters[at : at + len(old)] = list(new)
    return True
