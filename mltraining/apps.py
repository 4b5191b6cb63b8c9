from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MlTrainingConfig(AppConfig):
    name = "mltraining"
    verbose_name = _("Models")
