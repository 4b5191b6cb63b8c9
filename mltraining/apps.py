from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MlTrainingConfig(AppConfig):
    name = "mltraining"
    verbose_name = _("Models")

    def ready(self) -> None:
        from hairme import metrics
        from hairme.ml import artifacts, serving

        from . import checks  # noqa: F401
        from .registry import errors, served  # noqa: F401
        from .registry.planner import planner
        from .registry.store import RegistryStore
        from .selectors import alert_metrics

        artifacts.set_store(RegistryStore(artifacts.FolderStore(artifacts.PRETRAINED_ROOT)))
        metrics.add_collector(served.collect)
        metrics.add_collector(alert_metrics.collect)
        serving.set_planner(planner)
