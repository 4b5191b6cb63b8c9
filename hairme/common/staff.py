"""Staff pages: who may see them, and the row of links above them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.views.decorators.cache import never_cache

_pages: list[tuple[int, Promise | str, str]] = []

View = Callable[..., HttpResponse]


@dataclass(frozen=True)
class StaffPage:
    name: str
    url: str
    is_here: bool


def add_page(order: int, name: Promise | str, url_name: str) -> None:
    """Put a page into the row of links (called from an app's URL configuration)."""
    if url_name not in {known for _order, _name, known in _pages}:
        _pages.append((order, name, url_name))
        _pages.sort(key=lambda page: page[0])


def staff_only(view: View) -> View:
    """Only signed-in staff; others are sent to sign in. Never cached."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, **kwargs)

    return never_cache(staff_member_required(guarded, login_url="admin:login"))


def staff_page(request: HttpRequest, template: str, context: dict[str, Any], *, here: str, status: int = 200) -> HttpResponse:
    """Render a template that extends ``staff/base.html``; ``here`` is the URL name of the link to mark."""
    pages = [StaffPage(str(name), reverse(url_name), url_name == here) for _order, name, url_name in _pages]
    return render(request, template, {**context, "staff_pages": pages}, status=status)
