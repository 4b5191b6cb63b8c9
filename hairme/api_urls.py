"""Everything under /api/v2/."""

from django.urls import include, path

app_name = "api"
urlpatterns = [
    path("", include("recommendations.api.urls")),
    path("", include("feedback.api.urls")),
]
