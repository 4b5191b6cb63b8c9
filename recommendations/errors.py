"""Error codes of the hair door: the image gate's and the photo reading's bring their own sentences."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from hairme.common.errors import register
from hairme.common.images import ADVICE as IMAGE_ADVICE
from hairme.common.images import HTTP_STATUS

from .engine.quality import ADVICE as PHOTO_ADVICE

register(
    {
        "analysis_not_found": (404, _("There is no such analysis. It may have been deleted.")),
        "style_not_shown": (404, _("This style was not among the recommendations of this analysis.")),
        "photo_gone": (409, _("The photo has already been deleted. Give it again.")),
        "not_failed": (409, _("This analysis has not failed; there is nothing to try again.")),
        "catalogue_empty": (503, _("The style catalogue is not loaded yet. Try again in a minute.")),
        "search_unavailable": (503, _("Search is not available at the moment. Try again in a few seconds.")),
    }
)
register({code: (HTTP_STATUS[code], sentence) for code, sentence in IMAGE_ADVICE.items()})
register({code: (422, sentence) for code, sentence in PHOTO_ADVICE.items()})
