"""The composition root: every address of the site."""

from csp.decorators import csp_update
from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

handler400 = "hairme.common.pages.bad_request"
handler403 = "hairme.common.pages.permission_denied"
handler404 = "hairme.common.pages.not_found"
handler500 = "hairme.common.pages.server_error"

# Swagger UI sets style attributes from script; this page alone allows that.
api_docs = csp_update({"style-src": ["'self'", "'unsafe-inline'"]})(SpectacularSwaggerSplitView.as_view(url_name="api-schema"))

urlpatterns = [
    path("api/v2/", include("hairme.api_urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs/", api_docs, name="api-docs"),
    path("admin/", admin.site.urls),
    path("language/", set_language, name="set-language"),
    path("staff/", include("feedback.web.staff_urls")),
    path("staff/", include("mltraining.web.urls")),
    path("", include("feedback.web.urls")),
    path("", include("recommendations.web.urls")),
]
