from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CommonConfig(AppConfig):
    name = "hairme.common"
    label = "common"
    verbose_name = _("Background work")

    def ready(self) -> None:
        import hairme.celery  # noqa: F401  (binds shared tasks to our application)

        from . import checks  # noqa: F401
