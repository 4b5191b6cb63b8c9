"""What an experiment is refused for, as sentences people can act on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from hairme.common.errors import register

register(
    {
        "experiment_unknown": (404, _("There is no experiment {key}.")),
        "experiment_taken": (409, _("There is an experiment {key} already. Give this one another key.")),
        "experiment_no_template": (404, _("There is no ready-made experiment {key}.")),
        "experiment_invalid": (400, _("This experiment cannot be registered: {problem}")),
        "experiment_layer_busy": (409, _("{key} runs already. Only one experiment at a time can run on the same people.")),
        "experiment_not_draft": (409, _("{key} has been started before. Register a new experiment instead.")),
        "experiment_not_running": (409, _("{key} is not running.")),
        "experiment_not_in_force": (409, _("{key} has no winning method in force.")),
        "experiment_reason": (400, _("Say why.")),
    }
)
