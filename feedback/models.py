"""What people thought of what they were shown."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from recommendations.models import Analysis, Recommendation


class Reaction(models.Model):
    """A like or a dislike of one shown style; one per analysis and style, changeable. Snapshots what was true when it was given."""

    class Value(models.IntegerChoices):
        DISLIKE = 0, _("dislike")
        LIKE = 1, _("like")

    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="reactions", verbose_name=_("analysis"))
    recommendation = models.OneToOneField(
        Recommendation, on_delete=models.CASCADE, related_name="reaction", verbose_name=_("impression")
    )
    reaction = models.PositiveSmallIntegerField(_("reaction"), choices=Value.choices)
    face_shape = models.CharField(_("face shape"), max_length=20)
    skin_tone = models.CharField(_("personal colour"), max_length=20)
    hairstyle = models.CharField(_("style"), max_length=120)
    ml_score = models.FloatField(_("score"))
    source = models.CharField(_("source"), max_length=10)
    changes = models.PositiveSmallIntegerField(_("changes of mind"), default=0)
    created_at = models.DateTimeField(_("given"), auto_now_add=True)
    changed_at = models.DateTimeField(_("last changed"), auto_now=True)

    class Meta:
        verbose_name = _("reaction")
        verbose_name_plural = _("reactions")
        ordering = ("-created_at",)
        constraints = (models.UniqueConstraint(fields=("analysis", "hairstyle"), name="one_reaction_per_analysis_and_style"),)
        indexes = (models.Index(fields=("-created_at",), name="reaction_newest"),)

    def __str__(self) -> str:
        return f"{self.hairstyle}: {self.get_reaction_display()}"
