from django.urls import path

from . import corrections, measured, site, views

urlpatterns = [
    path("", views.home, name="home"),
    path("analyses/", views.analyze, name="analyze"),
    path("analyses/<int:analysis_id>/", views.analysis, name="analysis"),
    path("analyses/<int:analysis_id>/progress/", views.progress, name="analysis-progress"),
    path("analyses/<int:analysis_id>/retry/", views.retry, name="analysis-retry"),
    path("analyses/<int:analysis_id>/delete/", views.delete, name="analysis-delete"),
    path("analyses/<int:analysis_id>/corrections/", corrections.correct, name="analysis-correct"),
    path("analyses/<int:analysis_id>/corrections/undo/", corrections.take_back, name="analysis-correct-undo"),
    path("styles/", views.styles, name="styles"),
    path("styles/<slug:slug>/", views.style, name="style"),
    path("styles/<slug:slug>/sketch.svg", views.style_sketch, name="style-sketch"),
    path("history/", views.history, name="history"),
    path("measured/", measured.measured, name="measured"),
    path("privacy/", site.privacy, name="privacy"),
    path("theme/", site.set_theme, name="set-theme"),
    path("components/", site.components, name="components"),
]
