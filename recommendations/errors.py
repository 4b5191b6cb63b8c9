"""Error codes of the hair door: the image gate's and the photo reading's bring their own sentences."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from hairme.common.errors import register
from hairme.common.images import ADVICE as IMAGE_ADVICE
from hairme.common.images import HTTP_STATUS

from .engine.frame_check import FRAMING
from .engine.quality import ADVICE as PHOTO_ADVICE

register(
    {
        "analysis_not_found": (404, _("There is no such analysis. It may have been deleted.")),
        "style_not_shown": (404, _("This style was not among the recommendations of this analysis.")),
        "photo_gone": (409, _("The photo has already been deleted. Give it again.")),
        "not_failed": (409, _("This analysis has not failed; there is nothing to try again.")),
        "too_many_photos": (400, _("Give at most {most} photos of one face.")),
        "photo_repeated": (422, _("This is the same file as another of the photos.")),
        "not_read_yet": (409, _("There is no reading yet that could be corrected. Wait until the analysis is done.")),
        "contradiction": (
            400,
            _("Two of these contradict each other: a season and warm or cool, or the skin and light or deep."),
        ),
        "nothing_said": (404, _("Nothing was corrected here that could be taken back.")),
        "catalogue_empty": (503, _("The style catalogue is not loaded yet. Try again in a minute.")),
        "check_unavailable": (503, _("The camera check is not available at the moment. You can take the photo all the same.")),
        "search_unavailable": (503, _("Search is not available at the moment. Try again in a few seconds.")),
    }
)
register({code: (HTTP_STATUS[code], sentence) for code, sentence in IMAGE_ADVICE.items()})
register({code: (422, sentence) for code, sentence in PHOTO_ADVICE.items()})
register({code: (422, sentence) for code, sentence in FRAMING.items()})
