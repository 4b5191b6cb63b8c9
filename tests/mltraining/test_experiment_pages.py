"""Planner, staff pages, admin and command of experiments."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client

from hairme.ml.serving import Plan, get_planner
from mltraining.experiments.assignment import Share, arm_of
from mltraining.models import Experiment
from mltraining.registry import planner as planning
from mltraining.registry.planner import ExperimentPlanner
from mltraining.services import experiments
from tests.mltraining.experiment_people import WHO, live, long_ago, registered, started
from tests.recommendations.pages import Page, load_styles

pytestmark = pytest.mark.django_db
LAYER = "recommendations"
UNITS = [f"user:{n}" for n in range(200)]


def test_the_site_asks_the_experiments() -> None:
    assert get_planner() is planning.planner


def test_plans_follow_the_hash_the_ramp_and_the_kill_switch() -> None:
    experiment = experiments.start(registered(ramp=(0.25, 1.0)), **WHO)
    planner = ExperimentPlanner(seconds=0)
    first = {unit: planner.plan_for(LAYER, unit) for unit in UNITS}
    exposed = {unit: plan for unit, plan in first.items() if plan.experiment}
    assert 20 < len(exposed) < 85
    arms = [Share("champion", 1), Share("challenger", 1)]
    assert all(plan.arm == arm_of(experiment.salt, unit, arms) for unit, plan in exposed.items())
    assert {plan.arm: dict(plan.params) for plan in exposed.values()} == {
        "champion": {"method": "hybrid"},
        "challenger": {"method": "ml"},
    }
    assert all(plan == Plan() for unit, plan in first.items() if unit not in exposed)
    Experiment.objects.update(ramp_step=1)
    second = {unit: planner.plan_for(LAYER, unit) for unit in UNITS}
    assert all(plan.experiment for plan in second.values())
    assert all(second[unit] == plan for unit, plan in exposed.items()), "nobody moves"
    assert planner.plan_for("another layer", "user:1") == Plan()
    experiments.kill(experiment, **WHO)
    assert all(planner.plan_for(LAYER, unit) == Plan() for unit in UNITS)


def test_the_planner_asks_seldom_and_survives_a_database_that_is_away(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiments.start(registered(), **WHO)
    now = [100.0]
    planner = ExperimentPlanner(seconds=1.0, clock=lambda: now[0])
    with django_assert_num_queries(2):
        assert {planner.plan_for(LAYER, unit).experiment for unit in UNITS} == {"spring"}

    def away() -> Any:
        raise OperationalError("away")

    monkeypatch.setattr(planning, "_layers", away)
    now[0] = 101.5
    assert planner.plan_for(LAYER, "user:1") == Plan()


def test_a_unit_that_cannot_be_hashed_gets_the_champion() -> None:
    experiments.start(registered(), **WHO)
    assert ExperimentPlanner(seconds=0).plan_for(LAYER, "visitor:\ud800") == Plan()


def staff(*permissions: str) -> Client:
    user = get_user_model().objects.create_user("lee", password="long enough 1", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def story() -> Experiment:
    load_styles()
    experiment = started(long_ago())
    live(experiment, 8, {"champion": 0.3, "challenger": 0.7}, people=40)
    experiment.refresh_from_db()
    return experiment


@pytest.mark.parametrize("path", ["/staff/experiments/", "/staff/experiments/spring/"])
def test_staff_only(path: str, client: Client) -> None:
    registered()
    assert client.get(path).status_code == 302
    client.force_login(get_user_model().objects.create_user("guest", password="long enough 1"))
    assert client.get(path).status_code == 302
    page = Page(staff().get(path))
    assert (page.headings, page.inline) == (1, [])
    assert len(page.ids) == len(set(page.ids))


def test_a_decided_experiment_shows_how_it_went(story: Experiment) -> None:
    response = staff("change_experiment").get("/staff/experiments/spring/")
    page = Page(response)
    assert "promote to production" in page.text
    assert "challenger is liked more, beyond doubt" in page.text
    assert "Decision memo" in page.text
    assert page.inline == []
    chart = response.context["chart"]
    assert [line.name for line in chart.lines] == ["challenger"]
    assert len(chart.rows) == 7
    assert chart.lines[0].band
    assert {row.name: row.is_safe for row in response.context["guardrails"]} == dict.fromkeys(
        ("dislikes per style shown", "failed analyses", "slow analyses", "kinds of cuts per list"), True
    )
    assert any(row.segment == "lists of the first week" for row in response.context["novelty"])
    challenger = response.context["arms"][1]
    assert (challenger.people, challenger.rate, challenger.lift) == ("280", "70.0 %", "+133.3 %")


def test_one_press_registers_starts_and_stops() -> None:
    client = staff("change_experiment")
    response = client.post("/staff/experiments/ready-made/gemini-ml-hybrid/", {"start": "1"})
    assert response.headers["Location"] == "/staff/experiments/gemini-ml-hybrid/"
    experiment = Experiment.objects.get()
    assert experiment.state == "running"
    assert [move.actor for move in experiment.transitions.all()] == ["staff:lee"] * 2
    busy = client.post("/staff/experiments/ready-made/gemini-ml-hybrid/", {"start": "1"})
    assert busy.status_code == 409
    assert "gemini-ml-hybrid runs already" in Page(busy).text
    assert client.get(f"/staff/experiments/{experiment.key}/kill/").status_code == 405
    client.post(f"/staff/experiments/{experiment.key}/kill/")
    experiment.refresh_from_db()
    assert experiment.state == "killed"
    again = client.post(f"/staff/experiments/{experiment.key}/kill/")
    assert again.status_code == 409


def test_changing_needs_the_permission() -> None:
    registered()
    client = staff("view_experiment")
    for path in ("ready-made/gemini-ml-hybrid/", "spring/start/", "spring/kill/", "spring/out-of-force/"):
        assert client.post(f"/staff/experiments/{path}", {"reason": "x"}).status_code == 403
    assert Experiment.objects.get().state == "draft"
    assert "Ready-made" not in Page(client.get("/staff/experiments/")).text


def test_starting_from_the_page_needs_a_reason() -> None:
    registered()
    client = staff("change_experiment")
    assert client.post("/staff/experiments/spring/start/", {"reason": " "}).status_code == 400
    client.post("/staff/experiments/spring/start/", {"reason": "spring is here"})
    move = Experiment.objects.get().transitions.first()
    assert (move.after, move.reason, move.user.get_username()) == ("running", "spring is here", "lee")


def test_power_calculator() -> None:
    client = staff()
    query = {"base": "30", "lift": "5", "people": "1000", "reactions": "1", "icc": "0", "horizon": "14"}
    answer = client.get("/staff/experiments/", query).context["answer"]
    assert (answer["once"], answer["once_days"]) == (14_856, 15)
    assert answer["always"] > answer["once"]
    assert answer["smallest"] == "5.2 %"
    wrong = client.get("/staff/experiments/", {**query, "base": "70", "lift": "60"})
    assert wrong.context["answer"] is None
    assert "above one" in Page(wrong).text
    assert client.get("/staff/experiments/", {"base": "x"}).status_code == 200


def test_admin(story: Experiment, admin_client: Client) -> None:
    for table in ("experiment", "experimentlook", "experimenttransition"):
        assert admin_client.get(f"/admin/mltraining/{table}/?q=spring").status_code == 200
    assert admin_client.get(f"/admin/mltraining/experiment/{story.pk}/change/").status_code == 200
    other = experiments.start(registered("other"), **WHO)
    for _press in range(2):
        admin_client.post("/admin/mltraining/experiment/", {"action": "kill", "_selected_action": [other.pk]})
    other.refresh_from_db()
    assert other.state == "killed"


def say(*arguments: str) -> str:
    out = StringIO()
    call_command("experiments", *arguments, stdout=out)
    return out.getvalue()


def test_command(story: Experiment) -> None:
    assert "spring: promote_to_production" in say("list")
    shown = say("show", "spring")
    assert "day 7: challenger +133.3%" in shown
    assert "draft -> running by test: because" in shown
    assert "registered gemini-ml-hybrid" in say("create", "gemini-ml-hybrid")
    assert "10% of people are in" in say("start", "gemini-ml-hybrid")
    assert "no look is due" in say("watch")
    assert "everybody gets the champion" in say("kill", "gemini-ml-hybrid")
    for wrong in (("kill", "gemini-ml-hybrid"), ("show", "none"), ("create", "none"), ("create",)):
        with pytest.raises(CommandError):
            say(*wrong)
