"""What the camera panel's script needs to guide: limits and sentences, from where the server has them."""

from __future__ import annotations

import json

from django import template
from django.utils.translation import gettext as _

from hairme.common.errors import sentence

from ..engine.frame_check import FRAMING, client_limits

register = template.Library()

#: The codes that the browser can find by itself.
LOCAL = ("no_face", "several_faces", "too_dark", "dim", "too_bright", "uneven_light", "low_contrast", "too_blurry", *FRAMING)


@register.simple_tag
def camera_guidance() -> str:
    """JSON for a data attribute (escaped there like any text)."""
    say = {code: sentence(code) for code in LOCAL}
    say["good"] = _("This looks good. Hold still and take it.")
    say["light"] = _("The light is good. Bring your face into the outline and look straight ahead.")
    return json.dumps({"limits": client_limits(), "say": say}, ensure_ascii=False)
