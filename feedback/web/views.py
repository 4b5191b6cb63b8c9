from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from hairme.common.errors import ApplicationError

from ..services import react, take_back

UNDO = -1


class ReactionForm(forms.Form):
    analysis_id = forms.IntegerField(min_value=1)
    impression_id = forms.IntegerField(min_value=1)
    reaction = forms.TypedChoiceField(choices=[(1, "like"), (0, "dislike"), (UNDO, "undo")], coerce=int)


@require_POST
def react_to(request: HttpRequest) -> HttpResponse:
    """Like, dislike or undo from a result page: the buttons alone for htmx, back to the page without JavaScript."""
    form = ReactionForm(request.POST)
    if not form.is_valid():
        raise ApplicationError("bad_request")
    analysis_id, impression_id = form.cleaned_data["analysis_id"], form.cleaned_data["impression_id"]
    value = form.cleaned_data["reaction"]
    if value == UNDO:
        take_back(user=request.user, analysis_id=analysis_id, impression_id=impression_id)
        current = None
    else:
        react(user=request.user, analysis_id=analysis_id, impression_id=impression_id, reaction=value)
        current = value
    if request.headers.get("HX-Request"):
        context = {"analysis_id": analysis_id, "impression_id": impression_id, "current": current, "changed": True}
        return render(request, "feedback/partials/reaction_buttons.html", context)
    return redirect(f"{reverse('analysis', args=[analysis_id])}#style-{impression_id}")
