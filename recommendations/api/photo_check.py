"""POST /api/v2/photo-check: what to change before the photo is taken."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hairme.common.api_schema import errors
from hairme.common.errors import sentence

from ..services import photo_check


class FrameSerializer(serializers.Serializer):
    file = serializers.FileField(
        help_text="A frame of at most 128 KB, best a JPEG of about 256 by 320 pixels.", allow_empty_file=True
    )


class FrameIssueSerializer(serializers.Serializer):
    code = serializers.CharField()
    severity = serializers.ChoiceField(["stop", "warn"])
    message = serializers.CharField()


class FaceBoxSerializer(serializers.Serializer):
    x = serializers.FloatField(help_text="Left edge as a share of the frame's width; y, width and height alike.")
    y = serializers.FloatField()
    width = serializers.FloatField()
    height = serializers.FloatField()


class PhotoCheckSerializer(serializers.Serializer):
    issues = FrameIssueSerializer(many=True, help_text="Most urgent first; empty when the photo can be taken.")
    face = FaceBoxSerializer(allow_null=True)


class PhotoCheckResponseSerializer(serializers.Serializer):
    success = serializers.BooleanField()
    data = PhotoCheckSerializer()  # type: ignore[assignment]


class PhotoCheckView(APIView):
    parser_classes = (MultiPartParser,)
    throttle_scope = "check"

    @extend_schema(
        operation_id="check_photo",
        tags=["hair"],
        request={"multipart/form-data": FrameSerializer},
        responses={200: PhotoCheckResponseSerializer, **errors(400, 413, 415, 429, 503)},
    )
    def post(self, request: Request) -> Response:
        """Guidance before the shutter: light, sharpness, pose, place and size of the face in one small frame.

        The frame is deleted at once and nothing about the person is read or kept.
        """
        form = FrameSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        found = photo_check.ask(form.validated_data["file"].read())
        issues = [{**issue, "message": sentence(issue["code"])} for issue in found["issues"]]
        return Response({"success": True, "data": {"issues": issues, "face": found["face"]}})
