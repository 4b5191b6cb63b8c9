"""What a move of the registry is refused for, as sentences people can act on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from hairme.common.errors import register

register(
    {
        "model_unknown": (404, _("There is no model version {version}.")),
        "model_taken": (
            409,
            _("{version} is registered with other contents. Versions never change: give this one another name."),
        ),
        "model_outside": (400, _("{folder} lies outside the models folder. Move it there first.")),
        "model_unusable": (409, _("{version} cannot serve: {problem}")),
        "model_rejected": (409, _("{version} was rejected: {reason}")),
        "model_serves": (409, _("{version} is the champion. Roll back or promote another one first.")),
        "model_no_champion": (409, _("{model} has no champion yet.")),
        "model_no_previous": (409, _("No earlier champion of {model} can serve; there is nothing to roll back to.")),
        "model_reason": (400, _("Say why.")),
    }
)
