from django.urls import path

from . import corrections, measured, photo_check, views

urlpatterns = [
    path("analyze-hybrid", views.AnalyzeHybridView.as_view(), name="analyze-hybrid"),
    path("analyses/<int:analysis_id>", views.AnalysisView.as_view(), name="analysis"),
    path("analyses/<int:analysis_id>/retry", views.RetryAnalysisView.as_view(), name="analysis-retry"),
    path("analyses/<int:analysis_id>/corrections", corrections.CorrectionsView.as_view(), name="analysis-corrections"),
    path("styles", views.StyleListView.as_view(), name="styles"),
    path("styles/<slug:slug>", views.StyleView.as_view(), name="style"),
    path("photo-check", photo_check.PhotoCheckView.as_view(), name="photo-check"),
    path("measured", measured.MeasuredView.as_view(), name="measured"),
]
