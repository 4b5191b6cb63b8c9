from django.urls import path

from . import views

urlpatterns = [
    path("analyze-hybrid", views.AnalyzeHybridView.as_view(), name="analyze-hybrid"),
    path("analyses/<int:analysis_id>", views.AnalysisView.as_view(), name="analysis"),
    path("analyses/<int:analysis_id>/retry", views.RetryAnalysisView.as_view(), name="analysis-retry"),
    path("styles", views.StyleListView.as_view(), name="styles"),
    path("styles/<slug:slug>", views.StyleView.as_view(), name="style"),
]
