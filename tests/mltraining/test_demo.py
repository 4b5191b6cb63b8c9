"""The demonstration set is made by the real engine, and making it again replaces it."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from feedback.models import Reaction
from hairme.common.models import Job
from recommendations.models import Analysis


@pytest.mark.usefixtures("catalogue")
def test_demo_fills_the_database_and_replaces_itself() -> None:
    for _ in range(2):
        call_command("demo", analyses=2, verbosity=0)
        assert Analysis.objects.count() == Job.objects.count() == 6
        assert Reaction.objects.exists()
    for analysis in Analysis.objects.all():
        assert analysis.recommendations.count() == 7
        assert analysis.face is not None
