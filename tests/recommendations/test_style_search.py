"""``GET /api/v2/styles``: by meaning in two languages, every filter, pages, bad values; and with an encoder only workers may load."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from django.test import Client

from hairme.common import wake
from hairme.ml.text_encoder import DIM, load_text_encoder
from recommendations import remote_embedding
from recommendations.engine.vocabulary import FRINGES, HAIR_TYPES, LENGTHS, PRESENTATIONS, UPKEEPS
from recommendations.models import Style, StyleVector
from recommendations.selectors import encoder_with_id, encoders_in_use, text_encoder
from recommendations.services.style_vectors import build_style_vectors
from tests.hairme.test_text_encoder import tiny_checkpoint

pytestmark = pytest.mark.usefixtures("catalogue")
ADDRESS = "/api/v2/styles"


@pytest.fixture(autouse=True)
def _no_rate_is_used_up() -> None:
    cache.clear()


def get(client: Client, **query: Any) -> dict[str, Any]:
    response = client.get(ADDRESS, query)
    assert response.status_code == 200, response.content
    return dict(response.json())


def slugs(body: dict[str, Any]) -> list[str]:
    return [item["slug"] for item in body["data"]]


@pytest.mark.parametrize(
    ("query", "cut"),
    [
        ("허쉬컷", "hush-cut"),
        ("hush cut", "hush-cut"),
        ("투블럭", "two-block"),
        ("buzz cut", "buzz-cut"),
        ("버즈컷", "buzz-cut"),
        ("pixie cut", "pixie-cut"),
        ("  픽시컷  ", "pixie-cut"),
    ],
)
def test_names_in_both_languages_find_their_cut(query: str, cut: str, client: Client) -> None:
    found = get(client, q=query, page_size=8)["data"]
    wanted = cut.split("-")[0]
    assert any(wanted in item["cut"] for item in found), [item["cut"] for item in found]
    distances = [item["distance"] for item in found]
    assert distances == sorted(distances)
    assert 0 <= distances[0] < distances[-1]


def test_nothing_asked_lists_everything(client: Client) -> None:
    for query in ({}, {"q": ""}, {"q": "   "}, {"presentation": "", "length": "", "fringe": "", "upkeep": "", "hair_type": ""}):
        body = get(client, **query)
        assert body["meta"]["total_count"] == Style.objects.offered().count() >= 471
        assert "distance" not in body["data"][0]


def test_withdrawn_styles_are_not_found(client: Client) -> None:
    one = Style.objects.offered().order_by("cut__slug", "slug").first()
    assert one is not None
    Style.objects.filter(pk=one.pk).update(is_active=False)
    try:
        assert one.slug not in slugs(get(client, q=one.name_ko, page_size=100))
        assert one.slug not in slugs(get(client))
        assert client.get(f"{ADDRESS}/{one.slug}").status_code == 404
    finally:
        Style.objects.filter(pk=one.pk).update(is_active=True)


@pytest.mark.parametrize("q", ["", "부드러운 웨이브"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("presentation", word) for word in PRESENTATIONS),
        *(("length", word) for word in LENGTHS),
        *(("fringe", word) for word in FRINGES),
        *(("upkeep", word) for word in UPKEEPS),
        *(("hair_type", word) for word in HAIR_TYPES),
    ],
)
def test_every_filter_is_honoured(name: str, value: str, q: str, client: Client) -> None:
    order = list(UPKEEPS)
    fits = {
        "presentation": lambda item: {value, "any"} & set(item["presentations"]),
        "length": lambda item: item["length"] == value,
        "fringe": lambda item: item["fringe"] == value,
        "upkeep": lambda item: order.index(item["upkeep"]) <= order.index(value),
        "hair_type": lambda item: value in item["hair_types"],
    }[name]
    body = get(client, q=q, page_size=100, **{name: value})
    assert body["data"]
    assert all(fits(item) for item in body["data"])
    whole = Style.objects.offered().values("presentations", "length", "fringe", "upkeep", "hair_types")
    assert body["meta"]["total_count"] == sum(bool(fits(item)) for item in whole)


def test_filters_join_and_lengths_add_up(client: Client) -> None:
    items = get(client, q="단정한 머리", presentation="masculine", length=["crop", "short"], upkeep="low", page_size=100)["data"]
    assert items
    for item in items:
        assert {"masculine", "any"} & set(item["presentations"])
        assert item["length"] in ("crop", "short")
        assert item["upkeep"] == "low"
    assert {item["length"] for item in items} == {"crop", "short"}


@pytest.mark.parametrize("q", ["", "curly bob"])
def test_pages_do_not_overlap_and_leave_nothing_out(q: str, client: Client) -> None:
    seen: list[str] = []
    page = 1
    while True:
        body = get(client, q=q, page=page, page_size=50)
        seen += slugs(body)
        assert (body["meta"]["next"] is None) == (page == body["meta"]["pages"])
        if body["meta"]["next"] is None:
            break
        page += 1
    assert len(seen) == len(set(seen)) == body["meta"]["total_count"]
    assert slugs(get(client, q=q, page=2, page_size=50)) == seen[50:100]


def test_equal_distances_are_paged_in_a_fixed_order() -> None:
    """Ties are the case in which a database may shuffle between two pages."""
    same = np.ones(DIM, dtype=np.float32) / np.sqrt(DIM)
    StyleVector.objects.bulk_create(
        StyleVector(style=style, encoder="ties@1", text_hash="x", vector=same) for style in Style.objects.all()
    )
    try:
        found = Style.objects.offered().nearest(same, "ties@1")
        pages = [style.slug for start in range(0, 400, 40) for style in found[start : start + 40]]
        assert pages == sorted(pages)
        assert len(set(pages)) == 400
    finally:
        StyleVector.objects.filter(encoder="ties@1").delete()


def test_two_encoders_never_meet(client: Client) -> None:
    before = slugs(get(client, q="허쉬컷", page_size=100))
    noise = np.random.default_rng(0).normal(size=(Style.objects.count(), DIM))
    StyleVector.objects.bulk_create(
        StyleVector(style=style, encoder="other@1", text_hash="x", vector=vector)
        for style, vector in zip(Style.objects.all(), noise, strict=True)
    )
    try:
        body = get(client, q="허쉬컷", page_size=100)
        assert slugs(body) == before
        assert body["meta"]["total_count"] == Style.objects.offered().count(), "no style is counted once per encoder"
    finally:
        StyleVector.objects.filter(encoder="other@1").delete()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"presentation": "robot"}, "presentation"),
        ({"length": "enormous"}, "length.0"),
        ({"length": ["short", "enormous"]}, "length.1"),
        ({"fringe": "Full"}, "fringe"),
        ({"upkeep": "none"}, "upkeep"),
        ({"hair_type": "green"}, "hair_type"),
        ({"q": "가" * 10_000}, "q"),
        ({"q": "a\x00b"}, "q"),
        ({"page": "0"}, "page"),
        ({"page": "two"}, "page"),
        ({"page": str(10**30)}, "page"),
        ({"page_size": "101"}, "page_size"),
        ({"page_size": "-1"}, "page_size"),
    ],
)
def test_bad_value_is_a_400_with_its_field(query: dict[str, Any], field: str, client: Client) -> None:
    response = client.get(ADDRESS, query, headers={"Accept-Language": "en"})
    assert response.status_code == 400, response.content
    error = response.json()["error"]
    assert (error["code"], error["field"]) == ("invalid", field)
    assert error["message"]


@pytest.mark.parametrize("q", ["🙂🙂🙂", "'; DROP TABLE style; --", "%", "\u202e\u200b", "ﷺ" * 100, "a" * 500])
def test_odd_queries_have_an_answer(q: str, client: Client) -> None:
    assert get(client, q=q)["meta"]["total_count"] == Style.objects.offered().count()


def test_a_page_beyond_the_end_is_a_404(client: Client) -> None:
    assert client.get(ADDRESS, {"page": 999}).status_code == 404


def test_words_follow_the_language(client: Client) -> None:
    slug = slugs(get(client))[0]
    english = client.get(f"{ADDRESS}/{slug}", headers={"Accept-Language": "en"}).json()["data"]
    korean = client.get(f"{ADDRESS}/{slug}").json()["data"]
    assert (english["name"], korean["name"]) == (english["name_en"], english["name_ko"])
    assert english["why"] != korean["why"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def _vectors_are_removed_at_the_end(django_db_blocker: Any) -> Iterator[None]:
    yield
    with django_db_blocker.unblock():
        StyleVector.objects.filter(encoder__startswith="tiny-encoder@").delete()


@pytest.fixture
def heavy(checkpoint: Path, settings: Any, _vectors_are_removed_at_the_end: None) -> str:
    """The site searches with an encoder that needs torch; the catalogue has its vectors. Gives the encoder's id."""
    settings.TEXT_ENCODER = str(checkpoint)
    build_style_vectors(text_encoder())
    return text_encoder().id


def test_heavy_encoder_is_asked_in_a_worker(heavy: str, worker: Any, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The web's half never loads it; the answer is remembered, so that the next page needs no worker."""
    embedded_in: list[str] = []
    answer = remote_embedding.answer

    def noted(*args: Any) -> None:
        embedded_in.append(threading.current_thread().name)
        answer(*args)

    monkeypatch.setattr(remote_embedding, "answer", noted)
    query = f"short bob {np.random.default_rng().integers(10**9)}"
    body = get(client, q=query, page_size=10)
    expected = Style.objects.offered().nearest(text_encoder().encode([query])[0], heavy)
    assert slugs(body) == [style.slug for style in expected[:10]]
    get(client, q=query, page=2, page_size=10)
    assert len(embedded_in) == 1
    assert embedded_in[0] != threading.current_thread().name


def test_without_a_worker_search_says_so(heavy: str, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_embedding, "WAIT_SECONDS", 1.0)
    wake.client().delete(*settings.QUEUES)
    response = client.get(ADDRESS, {"q": f"no worker {np.random.default_rng().integers(10**9)}"})
    assert (response.status_code, response.json()["error"]["code"]) == (503, "search_unavailable")
    assert get(client)["data"], "the list needs none"
    wake.client().delete(*settings.QUEUES)


@pytest.mark.parametrize("error", ["redis", "kombu"])
def test_without_a_broker_search_says_so(error: str, heavy: str, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from kombu.exceptions import OperationalError as BrokerGone
    from redis.exceptions import ConnectionError as RedisGone

    from hairme.celery import app

    def away(*args: Any, **kwargs: Any) -> Any:
        raise RedisGone("refused") if error == "redis" else BrokerGone("refused")

    monkeypatch.setattr(app, "send_task", away)
    response = client.get(ADDRESS, {"q": f"no broker {np.random.default_rng().integers(10**9)}"})
    assert (response.status_code, response.json()["error"]["code"]) == (503, "search_unavailable")


def test_encoder_without_vectors_is_not_an_empty_result(client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.TEXT_ENCODER = "org/never-built"
    monkeypatch.setattr(remote_embedding, "ask", lambda text: ("never-built@1", np.ones(DIM, dtype=np.float32)))
    response = client.get(ADDRESS, {"q": "bob"})
    assert (response.status_code, response.json()["error"]["code"]) == (503, "search_unavailable")


def test_recommendations_keep_the_encoder_that_the_scorer_knows(heavy: str) -> None:
    """Another encoder's vectors would be noise to it: search changes, scores do not."""
    from recommendations.engine.types import Wishes
    from recommendations.services.recommend import recommend
    from tests.recommendations.gemini_cases import photo, reading

    assert [encoder.id for encoder in encoders_in_use()] == [heavy, load_text_encoder().id]
    advice = recommend(image=photo(64, 64), reading=reading(), wishes=Wishes(), language="ko", unit="1")
    assert advice.meta["versions"]["text-encoder"] == load_text_encoder().id
    assert len(advice.items) == 7


def test_scorer_of_an_encoder_that_is_not_here_is_a_sentence() -> None:
    from hairme.ml.artifacts import ArtifactError

    with pytest.raises(ArtifactError, match="trained on vectors of minilm@9"):
        encoder_with_id("minilm@9")
