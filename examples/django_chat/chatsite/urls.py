"""Where the site's pages are."""

from django.urls import path
from rooms import views

urlpatterns = [
    path("", views.index),
    path("rooms/<slug:name>/", views.room),
    path("rooms/<slug:name>/announce/", views.announce),
]
