from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY, ROOT_URLCONF, USE_TZ = "a site for tests", "mysite.urls", True
ALLOWED_HOSTS = ["localhost"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "everywire.django",
    "shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "site.sqlite3",
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"},
    }
}
EVERYWIRE = {"APP": "mysite.realtime.app"}

CELERY_BROKER_URL = "filesystem://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "data_folder_in": BASE_DIR / "queue",
    "data_folder_out": BASE_DIR / "queue",
    "control_folder": BASE_DIR / "control",
    "processed_folder": BASE_DIR / "processed",
    "store_processed": True,  # or what is read is moved to the machine's temporary folder first
}
CELERY_TASK_IGNORE_RESULT = True
