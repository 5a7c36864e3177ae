"""Where the site's pages are."""

from board import views
from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("asked/", views.asked),
    path("later/", views.later),
    path("counted/", views.counted),
    path("uploaded/", views.uploaded),
    path("broken/", views.broken),
]
