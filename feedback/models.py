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


class ReactionEntry(models.Model):
    """One step of a reaction's history: given, changed, or taken back (None). Only ever added, so the past can be asked."""

    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="reaction_entries", verbose_name=_("analysis"))
    recommendation = models.ForeignKey(
        Recommendation, on_delete=models.CASCADE, related_name="reaction_entries", verbose_name=_("impression")
    )
    reaction = models.PositiveSmallIntegerField(
        _("reaction"), choices=Reaction.Value.choices, null=True, blank=True, help_text=_("Nothing: taken back.")
    )
    at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name = _("reaction entry")
        verbose_name_plural = _("reaction entries")
        ordering = ("id",)
        indexes = (models.Index(fields=("at",), name="reaction_entry_by_time"),)

    def __str__(self) -> str:
        return f"{self.recommendation_id} {self.reaction}"


class StreamOffset(models.Model):
    """How far a consumer of the event stream has come; moves in the transaction that writes what it made of the events."""

    consumer = models.CharField(_("consumer"), max_length=60, unique=True)
    stream_id = models.CharField(_("last entry"), max_length=40, default="0-0")
    events = models.BigIntegerField(_("events taken in"), default=0)
    skipped = models.BigIntegerField(_("of them not summed"), default=0, help_text=_("Events of other topics."))
    kept_from = models.DateTimeField(
        _("events kept from"),
        null=True,
        blank=True,
        help_text=_("Older events are pruned: the sums of the hours before are final."),
    )
    moved_at = models.DateTimeField(_("moved"), auto_now=True)

    class Meta:
        verbose_name = _("stream offset")
        verbose_name_plural = _("stream offsets")

    def __str__(self) -> str:
        return f"{self.consumer} {self.stream_id}"


class ConsumedEvent(models.Model):
    """An event that a consumer has taken in: the stream may bring it again, the aggregates take it once."""

    consumer = models.CharField(_("consumer"), max_length=60)
    event_id = models.BigIntegerField(_("event"))

    class Meta:
        verbose_name = _("consumed event")
        verbose_name_plural = _("consumed events")
        constraints = (models.UniqueConstraint(fields=("consumer", "event_id"), name="event_taken_in_once"),)

    def __str__(self) -> str:
        return f"{self.consumer} {self.event_id}"


class WindowAggregate(models.Model):
    """Sums of one hour for one value of one dimension; only ever added to, so any order of events gives the same."""

    window = models.DateTimeField(_("hour"), help_text=_("Start of the hour in which the event happened, UTC."))
    dimension = models.CharField(_("dimension"), max_length=20)
    value = models.CharField(_("value"), max_length=120)
    impressions = models.BigIntegerField(_("shown"), default=0)
    likes = models.BigIntegerField(_("likes"), default=0)
    dislikes = models.BigIntegerField(_("dislikes"), default=0)
    analyses = models.BigIntegerField(_("analyses"), default=0)
    errors = models.BigIntegerField(_("errors"), default=0)
    latency_ms = models.BigIntegerField(_("latency, summed (ms)"), default=0)
    latency_counts = models.JSONField(_("latency histogram"), default=dict, help_text=_("Upper bound in ms to count."))

    class Meta:
        verbose_name = _("hourly sum")
        verbose_name_plural = _("hourly sums")
        ordering = ("-window", "dimension", "value")
        constraints = (models.UniqueConstraint(fields=("window", "dimension", "value"), name="one_sum_per_hour_and_value"),)

    def __str__(self) -> str:
        return f"{self.window:%Y-%m-%d %H} {self.dimension} {self.value}"


class PoisonMessage(models.Model):
    """An entry of the stream that could not be taken in, set aside with the reason so that the rest goes on.

    ``stream_id`` is "outbox:<id>" where the event in the outbox is at fault, not only its copy in the stream.
    """

    class Outcome(models.TextChoices):
        WAITING = "waiting", _("waiting")
        TAKEN_IN = "taken_in", _("taken in")
        DISMISSED = "dismissed", _("dismissed")

    consumer = models.CharField(_("consumer"), max_length=60)
    stream_id = models.CharField(_("entry"), max_length=40)
    fields = models.JSONField(_("content"))
    reason = models.TextField(_("reason"))
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, default=Outcome.WAITING)
    resolved_by = models.CharField(_("resolved by"), max_length=160, blank=True)
    at = models.DateTimeField(_("set aside"), auto_now_add=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)

    class Meta:
        verbose_name = _("message set aside")
        verbose_name_plural = _("messages set aside")
        ordering = ("-at",)
        constraints = (models.UniqueConstraint(fields=("consumer", "stream_id"), name="set_aside_once"),)

    def __str__(self) -> str:
        return f"{self.consumer} {self.stream_id}"
