from . import drift_pages, experiments_pages, models_pages, runs_pages, story_pages

urlpatterns = [
    *story_pages.urlpatterns,
    *models_pages.urlpatterns,
    *runs_pages.urlpatterns,
    *experiments_pages.urlpatterns,
    *drift_pages.urlpatterns,
]
