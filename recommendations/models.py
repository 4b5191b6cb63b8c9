"""The hairstyle catalogue, what was read from a photo, and what was shown."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from pgvector.django import VectorField

from hairme.common.models import Job, random_id

from .engine import corrections, vocabulary
from .engine.types import FaceReading
from .querysets import AnalysisQuerySet, StyleQuerySet

EMBEDDING_DIM = 384


def private_storage() -> Storage:
    return storages["private"]


def choices(words: vocabulary.Vocabulary) -> list[tuple[str, str]]:
    return [(key, f"{label.ko} · {label.en}") for key, label in words.items()]


def is_korean() -> bool:
    return (get_language() or "ko").startswith("ko")


class Cut(models.Model):
    """A canonical cut: what its styles share. A list never shows two styles of one cut."""

    slug = models.SlugField(_("slug"), max_length=60, unique=True)
    family = models.CharField(_("family"), max_length=40)
    name_ko = models.CharField(_("Korean name"), max_length=80, unique=True)
    name_en = models.CharField(_("English name"), max_length=80, unique=True)
    aliases = ArrayField(models.CharField(max_length=80), verbose_name=_("aliases"), default=list, blank=True)
    staff_edited = ArrayField(
        models.CharField(max_length=40),
        verbose_name=_("edited by staff"),
        default=list,
        blank=True,
        editable=False,
        help_text=_("Fields that a reload of the catalogue leaves as they are."),
    )
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("canonical cut")
        verbose_name_plural = _("canonical cuts")
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.name_ko if is_korean() else self.name_en


class Style(models.Model):
    """One thing a person can ask a hairdresser for: a variant of a cut. Words are keys of ``engine.vocabulary``."""

    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    cut = models.ForeignKey(Cut, on_delete=models.PROTECT, related_name="styles", verbose_name=_("canonical cut"))
    name_ko = models.CharField(_("Korean name"), max_length=80, unique=True)
    name_en = models.CharField(_("English name"), max_length=80, unique=True)
    aliases = ArrayField(models.CharField(max_length=80), verbose_name=_("aliases"), default=list, blank=True)
    length = models.CharField(_("length"), max_length=20, choices=choices(vocabulary.LENGTHS))
    fringe = models.CharField(_("fringe"), max_length=20, choices=choices(vocabulary.FRINGES))
    layers = models.CharField(_("layers"), max_length=20, choices=choices(vocabulary.LAYERS))
    sides = models.CharField(_("sides"), max_length=20, choices=choices(vocabulary.SIDES))
    texture = models.CharField(_("texture"), max_length=20, choices=choices(vocabulary.TEXTURES))
    perm = models.CharField(_("perm"), max_length=20, choices=choices(vocabulary.PERMS))
    volume = models.CharField(_("volume"), max_length=20, choices=choices(vocabulary.VOLUMES))
    parting = models.CharField(_("parting"), max_length=20, choices=choices(vocabulary.PARTINGS))
    arrangement = models.CharField(_("arrangement"), max_length=20, choices=choices(vocabulary.ARRANGEMENTS))
    upkeep = models.CharField(_("upkeep"), max_length=20, choices=choices(vocabulary.UPKEEPS))
    presentations = ArrayField(
        models.CharField(max_length=20, choices=choices(vocabulary.PRESENTATIONS)), verbose_name=_("presentations")
    )
    hair_types = ArrayField(models.CharField(max_length=20, choices=choices(vocabulary.HAIR_TYPES)), verbose_name=_("hair types"))
    densities = ArrayField(models.CharField(max_length=20, choices=choices(vocabulary.DENSITIES)), verbose_name=_("densities"))
    effects = ArrayField(models.CharField(max_length=20, choices=choices(vocabulary.EFFECTS)), verbose_name=_("effects"))
    flatters = models.JSONField(_("flatters"), help_text=_("Face shape to a number from -2 (works against) to 2 (made for it)."))
    salon_weeks = models.PositiveSmallIntegerField(_("weeks between salon visits"))
    daily_minutes = models.PositiveSmallIntegerField(_("minutes of styling a day"))
    description_ko = models.TextField(_("description (Korean)"))
    description_en = models.TextField(_("description (English)"))
    why_ko = models.TextField(_("whom it flatters (Korean)"))
    why_en = models.TextField(_("whom it flatters (English)"))
    cost_ko = models.TextField(_("what it costs (Korean)"))
    cost_en = models.TextField(_("what it costs (English)"))
    is_active = models.BooleanField(_("offered"), default=True, help_text=_("Off: no longer recommended; old results keep it."))
    staff_edited = ArrayField(
        models.CharField(max_length=40),
        verbose_name=_("edited by staff"),
        default=list,
        blank=True,
        editable=False,
        help_text=_("Fields that a reload of the catalogue leaves as they are."),
    )
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = StyleQuerySet.as_manager()

    class Meta:
        verbose_name = _("style")
        verbose_name_plural = _("styles")
        ordering = ("slug",)
        indexes = (
            models.Index(
                fields=(
                    "cut",
                    "is_active",
                ),
                name="style_by_cut",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.name_ko if is_korean() else self.name_en

    @property
    def description(self) -> str:
        return self.description_ko if is_korean() else self.description_en

    @property
    def why(self) -> str:
        return self.why_ko if is_korean() else self.why_en

    @property
    def cost(self) -> str:
        return self.cost_ko if is_korean() else self.cost_en


class StyleVector(models.Model):
    """A style in the space of one text encoder. Two encoders never meet in a query."""

    style = models.ForeignKey(Style, on_delete=models.CASCADE, related_name="vectors", verbose_name=_("style"))
    encoder = models.CharField(_("encoder"), max_length=120)
    text_hash = models.CharField(_("hash of the text"), max_length=64)
    vector = VectorField(dimensions=EMBEDDING_DIM, verbose_name=_("vector"))
    created_at = models.DateTimeField(_("created"), auto_now=True)

    class Meta:
        verbose_name = _("style vector")
        verbose_name_plural = _("style vectors")
        constraints = (models.UniqueConstraint(fields=("style", "encoder"), name="one_vector_per_style_and_encoder"),)

    def __str__(self) -> str:
        return f"{self.style_id} {self.encoder}"


class Analysis(models.Model):
    """One photo read once. The photo itself leaves with the end of the work."""

    id = models.BigIntegerField(primary_key=True, default=random_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="analyses",
        verbose_name=_("person"),
    )
    visitor = models.CharField(
        _("visitor"), max_length=36, blank=True, help_text=_("Browser that gave the photo, where nobody was signed in.")
    )
    job = models.OneToOneField(Job, on_delete=models.RESTRICT, related_name="analysis", verbose_name=_("job"))
    photo = models.FileField(_("photo"), storage=private_storage, max_length=200, blank=True)
    focal_ratio = models.FloatField(
        _("focal length"), null=True, blank=True, help_text=_("Over the photo's longer side, where the camera wrote it down.")
    )
    photo_sha256 = models.CharField(_("photo hash"), max_length=64)
    language = models.CharField(_("language"), max_length=5)
    wishes = models.JSONField(_("wishes"), default=dict)
    reading = models.JSONField(_("reading"), null=True, blank=True, help_text=_("As measured; never changed afterwards."))
    corrected_reading = models.JSONField(
        _("corrected reading"), null=True, blank=True, help_text=_("The reading combined with what the person said, if anything.")
    )
    revision = models.PositiveIntegerField(
        _("revision"), default=0, help_text=_("Which of its lists is shown: 0 is the first, each correction makes another.")
    )
    face_shape = models.CharField(_("face shape"), max_length=20, blank=True, choices=choices(vocabulary.FACE_SHAPES))
    season = models.CharField(_("personal colour"), max_length=20, blank=True, choices=choices(vocabulary.SEASONS))
    meta = models.JSONField(_("how it was made"), default=dict)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    completed_at = models.DateTimeField(_("completed"), null=True, blank=True)

    objects = AnalysisQuerySet.as_manager()

    class Meta:
        verbose_name = _("analysis")
        verbose_name_plural = _("analyses")
        ordering = ("-created_at",)
        indexes = (
            models.Index(
                fields=(
                    "user",
                    "-created_at",
                ),
                name="analysis_by_user",
            ),
            models.Index(
                fields=(
                    "visitor",
                    "-created_at",
                ),
                name="analysis_by_visitor",
                condition=~Q(visitor=""),
            ),
        )

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def unit(self) -> str:
        """Who counts as one person in experiments and histories: the person, else the browser, else this analysis alone."""
        if self.user_id:
            return f"user:{self.user_id}"
        return f"visitor:{self.visitor}" if self.visitor else f"analysis:{self.pk}"

    @property
    def used_reading(self) -> dict[str, Any] | None:
        """JSON of the reading that the shown list was made from."""
        return self.corrected_reading or self.reading

    @property
    def face(self) -> FaceReading | None:
        return FaceReading.from_json(self.used_reading) if self.used_reading else None

    @property
    def shown(self) -> list[Recommendation]:
        """The list that is shown now, by rank; from the prefetched rows where there are any."""
        rows = [row for row in self.recommendations.all() if row.revision == self.revision]
        return sorted(rows, key=lambda row: row.rank)

    def label(self, field: str) -> str:
        """``face_shape`` or ``season`` in the active language; "" where unread."""
        words: dict[str, vocabulary.Vocabulary] = {"face_shape": vocabulary.FACE_SHAPES, "season": vocabulary.SEASONS}
        key = getattr(self, field)
        return (words[field][key].ko if is_korean() else words[field][key].en) if key else ""


class FurtherPhoto(models.Model):
    """The second or third photo of an analysis while it waits; ``Analysis.photo`` holds the first. They leave together."""

    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="further_photos", verbose_name=_("analysis"))
    position = models.PositiveSmallIntegerField(_("position"), help_text=_("1 is the first photo that was given."))
    photo = models.FileField(_("photo"), storage=private_storage, max_length=200)
    focal_ratio = models.FloatField(
        _("focal length"), null=True, blank=True, help_text=_("Over the photo's longer side, where the camera wrote it down.")
    )

    class Meta:
        verbose_name = _("further photo")
        verbose_name_plural = _("further photos")
        ordering = ("position",)
        constraints = (models.UniqueConstraint(fields=("analysis", "position"), name="one_photo_per_position"),)

    def __str__(self) -> str:
        return f"{self.analysis_id} {self.position}"


class Recommendation(models.Model):
    """An impression: one style shown at one rank, with all that was known when it was shown."""

    class Source(models.TextChoices):
        GEMINI = "gemini", "Gemini"
        STYLIST = "stylist", _("stylist's rules")
        ML = "ml", _("learned model")

    class Candidate(models.TextChoices):
        ADVISED = "advised", _("an advisor named it")
        LEARNED = "learned", _("the scorer put it on top")
        EXPLORED = "explored", _("drawn by chance, to learn")

    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="recommendations", verbose_name=_("analysis"))
    style = models.ForeignKey(
        Style, on_delete=models.SET_NULL, null=True, blank=True, related_name="recommendations", verbose_name=_("style")
    )
    cut_slug = models.CharField(_("canonical cut"), max_length=60, blank=True)
    style_name = models.CharField(_("name as shown"), max_length=120)
    revision = models.PositiveIntegerField(_("revision"), default=0)
    rank = models.PositiveSmallIntegerField(_("rank"))
    source = models.CharField(_("source"), max_length=10, choices=Source.choices)
    ml_score = models.FloatField(_("score"), help_text=_("0 to 100"))
    reason = models.TextField(_("reason"))
    drawback = models.TextField(_("drawback"), blank=True)
    model_version = models.CharField(_("model version"), max_length=80)
    candidate = models.CharField(_("why a candidate"), max_length=10, choices=Candidate.choices, default="learned")
    experiment = models.CharField(_("experiment"), max_length=60, blank=True, help_text=_("Key of the experiment, if any ran."))
    arm = models.CharField(_("experiment arm"), max_length=40, default="champion")
    propensity = models.FloatField(_("propensity"), default=1.0, help_text=_("Probability with which this item was shown here."))
    request_id = models.CharField(_("request id"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("shown"), auto_now_add=True)

    class Meta:
        verbose_name = _("impression")
        verbose_name_plural = _("impressions")
        ordering = ("analysis", "revision", "rank")
        constraints = (
            models.UniqueConstraint(fields=("analysis", "revision", "rank"), name="one_item_per_rank"),
            models.UniqueConstraint(fields=("analysis", "revision", "style_name"), name="one_item_per_name"),
            models.CheckConstraint(condition=Q(ml_score__gte=0, ml_score__lte=100), name="score_from_0_to_100"),
            models.CheckConstraint(condition=Q(propensity__gt=0, propensity__lte=1), name="propensity_is_probability"),
        )
        indexes = (models.Index(fields=("-created_at",), name="impression_newest"),)

    def __str__(self) -> str:
        return f"{self.rank}. {self.style_name}"

    @property
    def wears(self) -> int | str:
        """What was recommended, the same in every list: the style, or the name of a free suggestion."""
        return self.style_id or self.style_name


class ReadingCorrection(models.Model):
    """One thing a person said about their reading: a correction of it, an answer, or ("") that it is taken back. Only ever added."""

    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="corrections", verbose_name=_("analysis"))
    field = models.CharField(_("field"), max_length=20, choices=[(name, name) for name in corrections.FIELDS])
    value = models.CharField(_("value"), max_length=20, blank=True, help_text=_("Empty: taken back."))
    previous = models.CharField(
        _("previous value"), max_length=20, blank=True, help_text=_("What had been said before, if anything.")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("who said it"),
        help_text=_("Nobody: someone who was not signed in."),
    )
    revision = models.PositiveIntegerField(_("revision"), help_text=_("The list that was made with it."))
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="corrections", verbose_name=_("job"))
    created_at = models.DateTimeField(_("said"), auto_now_add=True)

    class Meta:
        verbose_name = _("correction of a reading")
        verbose_name_plural = _("corrections of readings")
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(fields=("analysis", "revision", "field"), name="one_correction_per_revision_and_field"),
        )

    def __str__(self) -> str:
        return f"{self.field}: {self.value or '-'}"
