"""The site, and its Celery application, as Celery's guide for Django has them."""

from mysite.celery import app as celery_app

__all__ = ["celery_app"]
