"""The words a hairstyle is described with. One place, used by the catalogue, the filters, the rules and the sketch.

Every vocabulary maps a key (stored, sent over the API) to its Korean and English label.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Label(NamedTuple):
    ko: str
    en: str


Vocabulary = dict[str, Label]

#: Alphabetical; the order is part of every model's feature schema.
FACE_SHAPES: Final[Vocabulary] = {
    "heart": Label("하트형", "heart"),
    "oblong": Label("긴형", "oblong"),
    "oval": Label("계란형", "oval"),
    "round": Label("둥근형", "round"),
    "square": Label("각진형", "square"),
}

SEASONS: Final[Vocabulary] = {
    "spring": Label("봄웜", "warm spring"),
    "summer": Label("여름쿨", "cool summer"),
    "autumn": Label("가을웜", "warm autumn"),
    "winter": Label("겨울쿨", "cool winter"),
}

PRESENTATIONS: Final[Vocabulary] = {
    "feminine": Label("여성 스타일", "feminine"),
    "masculine": Label("남성 스타일", "masculine"),
    "any": Label("젠더리스", "any"),
}

#: Where the longest hair ends when it hangs.
LENGTHS: Final[Vocabulary] = {
    "buzz": Label("삭발·버즈", "buzzed (under 1.5 cm)"),
    "crop": Label("크롭", "cropped (1.5-6 cm)"),
    "short": Label("숏", "short (above or at the ear)"),
    "chin": Label("단발", "chin length"),
    "shoulder": Label("중단발", "shoulder length"),
    "long": Label("롱", "long (chest)"),
    "very_long": Label("슈퍼 롱", "very long (waist)"),
}

FRINGES: Final[Vocabulary] = {
    "none": Label("앞머리 없음", "no fringe"),
    "wispy": Label("시스루 뱅", "see-through fringe"),
    "full": Label("풀 뱅", "full fringe"),
    "side": Label("사이드 뱅", "side-swept fringe"),
    "curtain": Label("커튼 뱅", "curtain fringe"),
    "micro": Label("처피·베이비 뱅", "micro fringe"),
    "choppy": Label("텍스처 뱅", "choppy fringe"),
    "long": Label("긴 앞머리", "long fringe"),
}

LAYERS: Final[Vocabulary] = {
    "none": Label("원랭스", "one length"),
    "subtle": Label("가벼운 레이어", "subtle layers"),
    "medium": Label("레이어", "layers"),
    "heavy": Label("강한 레이어", "heavy layers"),
    "graduated": Label("그러데이션", "graduated"),
}

#: How the sides and nape are cut against the top.
SIDES: Final[Vocabulary] = {
    "full": Label("옆머리 유지", "full sides"),
    "tapered": Label("테이퍼", "tapered"),
    "low_fade": Label("로우 페이드", "low fade"),
    "mid_fade": Label("미드 페이드", "mid fade"),
    "high_fade": Label("하이 페이드", "high fade"),
    "two_block": Label("투블럭", "two-block"),
    "undercut": Label("언더컷", "undercut"),
    "shaved": Label("삭발", "shaved"),
}

#: How the finished hair falls.
TEXTURES: Final[Vocabulary] = {
    "straight": Label("생머리", "straight"),
    "soft_wave": Label("약한 웨이브", "soft wave"),
    "wavy": Label("웨이브", "wavy"),
    "curly": Label("컬", "curly"),
    "coily": Label("코일 컬", "coily"),
}

PERMS: Final[Vocabulary] = {
    "none": Label("펌 없음", "no perm"),
    "straightening": Label("매직·스트레이트", "straightening"),
    "down": Label("다운펌", "down perm"),
    "root": Label("뿌리 볼륨펌", "root-lift perm"),
    "c_curl": Label("C컬펌", "C-curl perm"),
    "s_curl": Label("S컬펌", "S-curl perm"),
    "body_wave": Label("바디펌", "body-wave perm"),
    "digital": Label("디지털펌", "digital perm"),
    "spiral": Label("스파이럴펌", "spiral perm"),
    "tight_curl": Label("히피·아프로펌", "tight-curl perm"),
    "iron": Label("아이롱펌", "iron perm"),
}

#: Where the mass sits.
VOLUMES: Final[Vocabulary] = {
    "flat": Label("차분함", "sleek"),
    "natural": Label("자연스러움", "natural"),
    "crown": Label("정수리 볼륨", "height at the crown"),
    "sides": Label("옆 볼륨", "width at the sides"),
    "ends": Label("끝 볼륨", "fullness at the ends"),
    "full": Label("풍성함", "full all over"),
}

PARTINGS: Final[Vocabulary] = {
    "none": Label("가르마 없음", "no parting"),
    "centre": Label("5:5 가르마", "centre parting"),
    "off_centre": Label("6:4 가르마", "off-centre parting"),
    "side": Label("7:3 가르마", "side parting"),
    "deep_side": Label("8:2 가르마", "deep side parting"),
}

#: What is done with the hair beyond letting it fall.
ARRANGEMENTS: Final[Vocabulary] = {
    "loose": Label("풀어 내림", "worn loose"),
    "swept_back": Label("뒤로 넘김", "swept back"),
    "swept_up": Label("위로 올림", "swept up"),
    "spiky": Label("스파이키", "spiky"),
    "ponytail": Label("포니테일", "ponytail"),
    "bun": Label("번", "bun"),
    "half_up": Label("반묶음", "half up"),
    "pigtails": Label("양갈래", "pigtails"),
    "braids": Label("땋은 머리", "braids"),
    "cornrows": Label("콘로우", "cornrows"),
    "twists": Label("트위스트", "twists"),
    "locs": Label("드레드록", "locs"),
}

UPKEEPS: Final[Vocabulary] = {
    "low": Label("손질 쉬움", "low upkeep"),
    "medium": Label("손질 보통", "medium upkeep"),
    "high": Label("손질 많음", "high upkeep"),
}

#: Natural hair a cut works on (possibly with the perm it names).
HAIR_TYPES: Final[Vocabulary] = {
    "straight": Label("직모", "straight"),
    "wavy": Label("반곱슬", "wavy"),
    "curly": Label("곱슬", "curly"),
    "coily": Label("강한 곱슬", "coily"),
}

DENSITIES: Final[Vocabulary] = {
    "fine": Label("가늘고 적은 모발", "fine or thin"),
    "medium": Label("보통 모발", "medium"),
    "thick": Label("굵고 많은 모발", "thick"),
}

#: What a cut does to how a face reads. The stylist's rules ask for effects; the catalogue says which cut has them.
EFFECTS: Final[Vocabulary] = {
    "lengthens_face": Label("얼굴을 길어 보이게", "lengthens the face"),
    "shortens_face": Label("얼굴을 짧아 보이게", "shortens the face"),
    "adds_width": Label("옆 폭을 더함", "adds width"),
    "slims_cheeks": Label("광대·볼을 가려 줌", "slims the cheeks"),
    "softens_jaw": Label("턱선을 부드럽게", "softens the jaw"),
    "sharpens_jaw": Label("턱선을 또렷하게", "defines the jaw"),
    "fills_chin": Label("턱 주변을 채움", "fills out a narrow chin"),
    "covers_forehead": Label("이마를 가림", "covers the forehead"),
    "opens_forehead": Label("이마를 드러냄", "opens the forehead"),
    "frames_eyes": Label("눈매를 강조", "draws attention to the eyes"),
    "lengthens_neck": Label("목선을 길어 보이게", "lengthens the neck"),
    "adds_height": Label("정수리를 높여 보이게", "adds height"),
}
