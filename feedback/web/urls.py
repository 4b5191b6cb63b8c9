from django.urls import path

from . import views

urlpatterns = [path("reactions/", views.react_to, name="react")]
