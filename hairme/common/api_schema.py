"""How errors appear in the OpenAPI document."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers


class ErrorSerializer(serializers.Serializer):
    code = serializers.CharField()
    message = serializers.CharField(help_text="In the caller's language; says what to do.")
    field = serializers.CharField(required=False)


class ErrorResponseSerializer(serializers.Serializer):
    success = serializers.BooleanField(default=False)
    error = ErrorSerializer()


_ERRORS = {
    400: "The photo or a field is not usable; `error.code` says why.",
    404: "No such thing, or not yours.",
    409: "Not possible in this state.",
    413: "Too many bytes.",
    415: "Not a picture of an accepted type.",
    422: "The picture holds no usable face; `error.code` says what to do.",
    429: "Too many requests; see Retry-After.",
    503: "The service is restarting or the work was interrupted; try again.",
    507: "The server's storage is full.",
}


def errors(*codes: int) -> dict[int, OpenApiResponse]:
    return {code: OpenApiResponse(ErrorResponseSerializer, description=_ERRORS[code]) for code in codes}
