from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FeedbackConfig(AppConfig):
    name = "feedback"
    verbose_name = _("Feedback")

    def ready(self) -> None:
        from hairme import metrics
        from recommendations.services import history

        from .selectors.past import past
        from .stream import state

        metrics.add_collector(state.collect)
        history.set_past_source(past)
