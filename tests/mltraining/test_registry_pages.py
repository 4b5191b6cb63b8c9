"""Staff pages, admin and command of the registry: who may see and move what, and what is shown."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client

from mltraining.models import ModelTransition, ModelVersion
from mltraining.selectors import registry as reads
from mltraining.services import registry
from tests.mltraining.registry_folders import WHO, toy
from tests.recommendations.pages import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(settings: Any, tmp_path: Path) -> Path:
    settings.MODELS_DIR = tmp_path / "models"
    settings.MODELS_REFRESH_SECONDS = 0.0
    return settings.MODELS_DIR


@pytest.fixture
def story(root: Path) -> None:
    """Three versions: 2 is the champion, 1 the previous one, 3 was rejected."""
    notes = {"trained_on": "Reactions of March.", "fails_where": "Nobody older than 60 was asked."}
    registry.promote(toy(root, "1", metrics={"mae": 12.0, "auc": {"warm": 0.61}}), **WHO)
    registry.promote(toy(root, "2", metrics={"mae": 9.5, "auc": {"cold": 0.7}}, notes=notes, parent="1"), **WHO)
    registry.reject(toy(root, "3", parent="2"), actor="experiment:spring", reason="fewer likes <b>")


def staff(*permissions: str) -> Client:
    user = get_user_model().objects.create_user("lee", password="long enough 1", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def champion() -> str:
    return getattr(reads.champion("toy"), "version", "")


@pytest.mark.parametrize("path", ["/staff/models/", "/staff/models/toy/"])
def test_staff_only(path: str, story: None, client: Client) -> None:
    assert client.get(path).status_code == 302
    client.force_login(get_user_model().objects.create_user("guest", password="long enough 1"))
    assert client.get(path).status_code == 302
    response = staff().get(path)
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    page = Page(response)
    assert (page.headings, page.inline) == (1, [])
    assert len(page.ids) == len(set(page.ids))


def test_pages_without_any_model(root: Path) -> None:
    assert staff().get("/staff/models/").status_code == 200
    client = Client()
    client.force_login(get_user_model().objects.get(username="lee"))
    assert client.get("/staff/models/toy/").status_code == 404


def test_what_the_pages_say(story: None) -> None:
    client = staff("change_modelalias")
    assert "toy" in Page(client.get("/staff/models/")).text
    response = client.get("/staff/models/toy/")
    page = Page(response)
    assert {(row.name, row.first, row.second) for row in response.context["compared"]} == {
        ("mae", 9.5, 12.0),
        ("auc.cold", 0.7, None),
        ("auc.warm", None, 0.61),
    }
    for words in ("Nobody older than 60 was asked.", "fewer likes <b>", "experiment:spring", "Reactions of March."):
        assert words in page.text
    assert "2 → 3" not in page.text
    assert page.html.index(">1</a>") < page.html.rindex(">2</a>") < page.html.rindex(">3</a>"), "the tree of lineage"
    assert client.get("/staff/models/toy/?version=1&beside=3").context["beside"].version == "3"
    assert client.get("/staff/models/toy/?version=9").status_code == 404


def test_damage_is_seen_on_both_pages(story: None, root: Path) -> None:
    (root / "toy" / "2" / "weights.bin").write_text("x")
    client = staff()
    for path in ("/staff/models/", "/staff/models/toy/"):
        assert "notice-bad" in Page(client.get(path)).html


def test_promote_and_roll_back_by_hand(story: None) -> None:
    client = staff("change_modelalias")
    assert champion() == "2"
    assert client.post("/staff/models/toy/rollback/", {"reason": "too many complaints"}).status_code == 302
    assert champion() == "1"
    assert client.post("/staff/models/toy/promote/", {"version": "2", "reason": "it was the photos"}).status_code == 302
    assert champion() == "2"
    move = ModelTransition.objects.latest("id")
    assert (move.actor, move.user.get_username(), move.reason) == ("staff:lee", "lee", "it was the photos")


@pytest.mark.parametrize(
    ("act", "form", "status"),
    [
        ("promote", {"version": "1", "reason": "  "}, 400),
        ("promote", {"version": "3", "reason": "all the same"}, 409),
        ("promote", {"version": "9", "reason": "why not"}, 404),
        ("rollback", {"reason": ""}, 400),
    ],
)
def test_a_move_that_is_refused_says_why(act: str, form: dict[str, str], status: int, story: None) -> None:
    response = staff("change_modelalias").post(f"/staff/models/toy/{act}/", form)
    assert response.status_code == status
    assert status == 404 or 'role="alert"' in response.content.decode()
    assert champion() == "2"


def test_who_may_not_move_sees_no_button(story: None) -> None:
    client = staff()
    assert '<form method="post" action="/staff/models' not in client.get("/staff/models/toy/").content.decode()
    assert client.post("/staff/models/toy/rollback/", {"reason": "x"}).status_code == 403
    assert client.get("/staff/models/toy/rollback/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(get_user_model().objects.create_superuser("root", password="long enough 1"))
    assert strict.post("/staff/models/toy/rollback/", {"reason": "x"}).status_code == 403
    assert champion() == "2"


def test_admin(story: None, root: Path, admin_client: Client) -> None:
    for table in ("modelversion", "modelalias", "modeltransition"):
        assert admin_client.get(f"/admin/mltraining/{table}/", {"q": "toy"}).status_code == 200
        assert admin_client.get(f"/admin/mltraining/{table}/add/").status_code == 403
    pk = ModelTransition.objects.latest("id").pk
    assert admin_client.post(f"/admin/mltraining/modeltransition/{pk}/delete/", {"post": "yes"}).status_code == 403
    (root / "toy" / "2" / "weights.bin").write_text("x")
    selected = {"action": "verify", "_selected_action": list(ModelVersion.objects.values_list("pk", flat=True))}
    response = admin_client.post("/admin/mltraining/modelversion/", selected, follow=True)
    assert "checksum" in response.content.decode()
    assert ModelVersion.objects.get(version="2").state == "damaged"


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("models", *arguments, stdout=out)
    return out.getvalue()


def test_command_reads(story: None) -> None:
    assert "toy@2" in run("list")
    listed = {row["key"]: row for row in json.loads(run("list", "toy", "--json"))}
    assert (listed["toy@2"]["aliases"], listed["toy@3"]["state"], listed["toy@2"]["parent"]) == (
        ["champion"],
        "rejected",
        "toy@1",
    )
    assert "9.5" in run("show", "toy")
    shown = json.loads(run("show", "toy@1", "--json"))
    assert shown["card"]["metrics"]["mae"] == 12
    assert [move["kind"] for move in shown["transitions"]] == ["promote", "promote", "register"]
    [mae] = [line.split() for line in run("compare", "toy@1", "toy@2").splitlines() if line.startswith("mae")]
    assert mae == ["mae", "12", "9.5", "-2.5"]


def test_command_moves(story: None, root: Path) -> None:
    assert "toy@1" in run("rollback", "toy", "--reason", "x")
    assert "before: toy@1" in run("promote", "toy@2", "--reason", "y")
    assert ModelTransition.objects.latest("id").actor.startswith("command")
    assert "toy@1" in run("reject", "toy@1", "--reason", "z")
    for arguments in (
        ["promote", "toy", "--reason", "which?"],
        ["promote", "toy@9", "--reason", "x"],
        ["promote", "toy@3", "--reason", "x"],
        ["rollback", "toy", "--reason", "x"],
        ["show", "nothing"],
        ["register", str(root)],
    ):
        with pytest.raises(CommandError):
            run(*arguments)


def test_command_verifies(story: None, root: Path) -> None:
    assert run("verify").count("whole") == 3
    (root / "toy" / "1" / "weights.bin").unlink()
    with pytest.raises(CommandError, match="1 of 3"):
        run("verify")
    assert run("verify", "toy@2").count("whole") == 1
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("models", "verify", "toy", "--json", stdout=out)
    assert {row["key"]: bool(row["problem"]) for row in json.loads(out.getvalue())} == {
        "toy@1": True, "toy@2": False, "toy@3": False,
    }  # fmt: skip


def test_command_prunes_only_what_nothing_needs(story: None, root: Path) -> None:
    for number in range(4, 8):
        toy(root, str(number))
    assert "toy@4" in run("prune", "--keep", "2", "--dry-run")
    assert (root / "toy" / "4").exists()
    said = run("prune", "--keep", "2")
    assert [version for version in "1234567" if not (root / "toy" / version).exists()] == ["3", "4", "5"]
    assert said.count("removed") == 3
    assert run("prune", "--keep", "2") == ""
    assert "files removed" in ModelTransition.objects.filter(kind="damage").latest("id").reason
    assert champion() == "2"
