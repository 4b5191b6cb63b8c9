from django.urls import path

from . import statistics, views

urlpatterns = [
    path("feedback", views.FeedbackView.as_view(), name="feedback"),
    path("statistics", statistics.StatisticsView.as_view(), name="statistics"),
]
