"""What a retraining is refused for, or ends with, as sentences people can act on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from hairme.common.errors import register

register(
    {
        "training_too_few": (
            409,
            _(
                "There are {have} reactions to learn from, and it takes {need}. Nothing was started; try again when there are more."
            ),
        ),
        "training_under_way": (409, _("Run {run} is under way already. One at a time: wait for it, or cancel it.")),
        "training_nothing_new": (409, _("Nobody has reacted since the last run. Nothing was started.")),
        "training_alert_today": (409, _("An alert started run {run} less than a day ago. Nothing was started.")),
        "training_model": (400, _("There is no way to retrain {model}.")),
        "training_architecture": (400, _("{architecture} is no architecture of this model.")),
        "training_over": (409, _("Run {run} is over already.")),
        "training_impossible": (409, _("Nothing could be learned: {problem}")),
    }
)
