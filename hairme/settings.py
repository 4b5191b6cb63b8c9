"""Settings of every process. Read strictly from the environment (``hairme.env``); documented in ``docs/settings.md``."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from django_celery_beat.tzcrontab import TzAwareCrontab
from environ import Env
from redis.backoff import NoBackoff
from redis.retry import Retry

from hairme import env
from hairme.logging import configure_structlog, logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
env.read_dotenv(BASE_DIR / ".env")

# --- What this process is ------------------------------------------------------------------------------------------------------
ENVIRONMENT = env.choice(
    "HAIRME_ENV", "local", ("local", "production"), help="local: one machine, http. production: behind https."
)
PRODUCTION = ENVIRONMENT == "production"
DEBUG = env.boolean("HAIRME_DEBUG", False, help="Django's debug pages. Never in production.")
VAR_DIR = env.path("HAIRME_VAR", BASE_DIR / "var", help="Folder that holds everything a run writes.")
PORT = env.integer("PORT", 8000, low=1, high=65535, help="Port of the web server.")


def _local_secret_key() -> str:
    """A key of this machine's own, made once and kept beside its data."""
    file = VAR_DIR / "secret-key"
    try:
        if file.is_file() and (key := file.read_text(encoding="ascii").strip()):
            return key
        file.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may start at once on a new folder: the first one that has the lock writes, the others read.
        with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="ascii") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            key = stream.read().strip()
            if not key:
                key = secrets.token_urlsafe(50)
                stream.write(key)
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"{file} cannot be read or written ({getattr(error, 'strerror', None) or 'not text'}). "
            "Set HAIRME_VAR to a folder that this user can write, or set SECRET_KEY."
        ) from None
    return key


SECRET_KEY = env.secret("SECRET_KEY", help="Signs sessions and links. Required in production.")
if not SECRET_KEY:
    if PRODUCTION:
        raise ImproperlyConfigured("SECRET_KEY is required when HAIRME_ENV=production. Set SECRET_KEY or SECRET_KEY_FILE.")
    SECRET_KEY = _local_secret_key()

ALLOWED_HOSTS = env.words(
    "ALLOWED_HOSTS", () if PRODUCTION else ("localhost", "127.0.0.1", "[::1]"), help="Host names this site answers to."
)
CSRF_TRUSTED_ORIGINS = env.words(
    "CSRF_TRUSTED_ORIGINS", help="https://... origins that may post forms, where they differ from the host."
)

# --- Applications --------------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "hairme.accounts",
    "hairme.common",
    "recommendations",
    "matching",
    "feedback",
    "mltraining",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "django_htmx",
    "django_structlog",
    "django_prometheus",
    "csp",
]
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "hairme.health.HealthMiddleware",  # answers before sessions, hosts or the database can get in its way
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "hairme.middleware.RequestIdHeaderMiddleware",
    "hairme.middleware.BodyLimitMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "hairme.middleware.ApplicationErrorMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "hairme.urls"
WSGI_APPLICATION = "hairme.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "hairme.common.context.site",
            ],
        },
    }
]

# --- Services: PostgreSQL with pgvector, Redis ---------------------------------------------------------------------------------


def _running_services() -> dict[str, str]:
    """Where ``manage.py up`` has put the embedded services, if it runs on this folder."""
    try:
        found: dict[str, str] = json.loads((VAR_DIR / "run" / "services.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


_services = _running_services()
DATABASE_URL = env.secret(
    "DATABASE_URL", _services.get("database_url", ""), help="postgres://… Empty: the embedded server of `make run`."
)
REDIS_URL = env.secret("REDIS_URL", _services.get("redis_url", ""), help="redis://… Empty: the embedded server of `make run`.")
if PRODUCTION and not (DATABASE_URL and REDIS_URL):
    raise ImproperlyConfigured("DATABASE_URL and REDIS_URL are required when HAIRME_ENV=production.")

#: Without a server the address is one where none listens: commands that need no database still run, others say so.
_NOWHERE = f"postgres://hairme@/hairme?host={VAR_DIR / 'run' / 'no-database'}"
DATABASES: dict[str, Any] = {
    "default": {
        **env.postgres(DATABASE_URL or _NOWHERE),
        "CONN_MAX_AGE": env.integer("DATABASE_CONN_MAX_AGE", 60, low=0, help="Seconds a database connection is kept."),
        "CONN_HEALTH_CHECKS": True,
    }
}
DATABASES["default"]["OPTIONS"].setdefault("connect_timeout", 5)
REDIS_URL = env.redis(REDIS_URL or "redis://127.0.0.1:6379/0")

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "hairme",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 1, "retry": Retry(NoBackoff(), 0)},
    }
}

# --- Background work -----------------------------------------------------------------------------------------------------------
INFERENCE_SECONDS = env.integer("HAIRME_INFERENCE_SECONDS", 60, low=5, high=600, help="Hard limit of one inference task.")
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": INFERENCE_SECONDS + 60,  # above every late-acknowledged task's hard limit, or Redis hands it out twice
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.3}
CELERY_TASK_IGNORE_RESULT = True  # the Job row is the result
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 270
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 60.0
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "recover-lost-jobs": {"task": "common.recover_lost_jobs", "schedule": 5.0, "options": {"expires": 5}},
    "relay-outbox": {"task": "common.relay_outbox", "schedule": 2.0, "options": {"expires": 2}},
    "verify-models": {"task": "mltraining.verify_models", "schedule": 900.0, "options": {"expires": 600}},
    "watch-experiments": {"task": "mltraining.watch_experiments", "schedule": 3600.0, "options": {"expires": 3000}},
    "monitor": {"task": "mltraining.monitor", "schedule": 3600.0, "options": {"expires": 3000}},
    "prune-events": {"task": "feedback.prune_events", "schedule": 6 * 3600.0, "options": {"expires": 3600}},
    "delete-expired-uploads": {"task": "recommendations.delete_expired_uploads", "schedule": 600.0, "options": {"expires": 540}},
}
QUEUES = ("default", "inference", "training")

# --- Language and time ---------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "ko"
LANGUAGES = [("ko", _("Korean")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "hairme" / "locale"]
TIME_ZONE = env.time_zone("TIME_ZONE", "Asia/Seoul", help="Time zone of pages and of the weekly schedule.")
USE_TZ = True
USE_I18N = True
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"

# --- Files ---------------------------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = env.path(
    "HAIRME_STATIC_ROOT", VAR_DIR / "static", help="Where collectstatic puts the files that the web process serves."
)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": VAR_DIR / "media"}},
    "private": {  # photos of faces: no URL, readable by this user only
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": VAR_DIR / "private",
            "base_url": None,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
UPLOAD_MAX_BYTES = 15 * 1024 * 1024  # of one photo
UPLOAD_MAX_PHOTOS = 3  # of one face at once
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # of everything but files
FILE_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024  # photos stay in memory on their way to private storage
UPLOAD_KEEP_MINUTES = env.integer(
    "HAIRME_UPLOAD_KEEP_MINUTES", 60, low=5, high=1440, help="A photo whose analysis never finished is deleted after this long."
)

# --- Analysis ------------------------------------------------------------------------------------------------------------------
ANALYZE_WAIT_SECONDS = env.real(
    "ANALYZE_WAIT_SECONDS", 20.0, low=0, high=120, help="How long POST analyze-hybrid waits for its worker before it answers 202."
)
ANALYZE_WAITERS = env.integer(
    "HAIRME_ANALYZE_WAITERS",
    20,
    low=1,
    high=500,
    help="Requests per web process that may wait for a worker; keep it below WEB_THREADS.",
)
TEXT_ENCODER = env.text(
    "HAIRME_TEXT_ENCODER", help="A sentence-transformers model (hub id or path). Empty: the one shipped here."
)
GEMINI_API_KEY = env.secret("GEMINI_API_KEY", help="Key of the Gemini API. Empty: the stylist's rules advise instead.")
GEMINI_MODEL = env.text("GEMINI_MODEL", "gemini-2.5-flash", help="Gemini model that advises.")
GEMINI_ENDPOINT = env.text("GEMINI_ENDPOINT", help="Host of the Gemini REST API, where it is not Google's own.")
GEMINI_SECONDS = env.real("GEMINI_SECONDS", 8.0, low=0.5, high=60, help="Time budget of one Gemini advice, retries included.")

# --- Learning ------------------------------------------------------------------------------------------------------------------
MODELS_DIR = VAR_DIR / "models"  # versions made at run time; copies of those that ship with the code
MODELS_REFRESH_SECONDS = env.real(
    "HAIRME_MODELS_REFRESH_SECONDS",
    1.0,
    low=0.1,
    high=60,
    help="How long a process serves a model before it asks for another champion.",
)
EXPLORATION_RATE = env.real(
    "HAIRME_EXPLORATION_RATE",
    0.1,
    low=0,
    high=0.5,
    help="Share of lists in which one style is drawn by chance, to learn from it.",
)
EVENTS_KEEP_DAYS = env.integer(
    "HAIRME_EVENTS_KEEP_DAYS", 90, low=2, high=3650, help="Days that events stay in the outbox once they are in the hourly sums."
)
SYNTHETIC_SHARE = env.real(
    "HAIRME_SYNTHETIC_SHARE", 0.7, low=0, high=1, help="Share of the weight that synthetic scores have in retraining."
)
RETRAIN_MIN_FEEDBACKS = env.integer("HAIRME_RETRAIN_MIN_FEEDBACKS", 10, low=1, help="Fewest reactions for a retraining.")
CELERY_BEAT_SCHEDULE |= {
    "retrain-weekly": {
        "task": "mltraining.retrain_weekly",
        "schedule": TzAwareCrontab(minute="0", hour="4", day_of_week="1", tz=ZoneInfo(TIME_ZONE)),
        "options": {"expires": 6 * 3600},
    },
    "forget-deleted-training-data": {
        "task": "mltraining.forget_deleted",
        "schedule": 24 * 3600.0,
        "options": {"expires": 12 * 3600},
    },
}
ALERT_EMAIL = env.words("HAIRME_ALERT_EMAIL", help="Who is written to when an alert opens, gets worse or stays. Empty: nobody.")
ALERT_OWNER = env.text("HAIRME_ALERT_OWNER", help="Name of who looks after alerts, written on each.")
ALERT_COOLDOWN_HOURS = env.integer(
    "HAIRME_ALERT_COOLDOWN_HOURS", 24, low=1, high=24 * 30, help="Hours before an alert that is still there is told again."
)
ROLLBACK_DAYS = env.integer(
    "HAIRME_ROLLBACK_DAYS",
    7,
    low=0,
    high=28,
    help="Days after its promotion in which a champion that is liked much less than the one before is rolled back. 0: never.",
)
EMAIL_URL = env.secret("EMAIL_URL", "consolemail://", help="Mail server, smtp+tls://user:password@host:587. Default: printed.")
DEFAULT_FROM_EMAIL = env.text("HAIRME_EMAIL_FROM", "hairme@localhost", help="Sender of letters.")
EMAIL_TIMEOUT = 10
try:
    globals().update({name: value for name, value in Env.email_url_config(EMAIL_URL).items() if value is not None})
except (ImproperlyConfigured, ValueError):
    raise ImproperlyConfigured("EMAIL_URL cannot be read. Write smtp+tls://user:password@host:587 or consolemail://.") from None

# --- API -----------------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "rest_framework.parsers.JSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["hairme.common.throttles.ScopedThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "analyze": env.rate("HAIRME_RATE_ANALYZE", "60/min", help="Analyses per person or address."),
        "check": env.rate(
            "HAIRME_RATE_CHECK", "150/min", help="Camera frames looked at before the photo, per person or address."
        ),
        "feedback": env.rate("HAIRME_RATE_FEEDBACK", "240/min", help="Reactions per person or address."),
        "read": env.rate("HAIRME_RATE_READ", "600/min", help="Reads per person or address."),
    },
    "EXCEPTION_HANDLER": "hairme.common.api.exception_handler",
    "DEFAULT_PAGINATION_CLASS": "hairme.common.api.PageNumberPagination",
    "PAGE_SIZE": 24,
    "NUM_PROXIES": env.integer(
        "HAIRME_PROXIES",
        1 if PRODUCTION else 0,
        low=0,
        high=5,
        help="Trusted reverse proxies before this server (default: 1 in production, else 0).",
    ),
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "HairMe API",
    "DESCRIPTION": "Hairstyles from a selfie; reactions that teach. Errors share one shape: "
    '`{"success": false, "error": {"code", "message", "field"?}}`.',
    "VERSION": "2.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SCHEMA_PATH_PREFIX": "/api/v2",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {"JobStateEnum": "hairme.common.models.Job.State"},
}

# --- Security ------------------------------------------------------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # not in Redis: a cache that empties must not sign people out
SESSION_COOKIE_AGE = 90 * 24 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "hairme.common.pages.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
if PRODUCTION:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Secure-session", "__Secure-csrf"
    SECURE_SSL_REDIRECT = env.boolean("HAIRME_SSL_REDIRECT", True, help="Send http visitors to https.")
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = env.integer("HAIRME_HSTS_SECONDS", 31536000, low=0, help="Strict-Transport-Security, seconds.")
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "media-src": ["'self'", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
METRICS_TOKEN = env.secret("HAIRME_METRICS_TOKEN", help="Bearer token of /metrics. Empty: only this machine may read it.")

# --- Logs ----------------------------------------------------------------------------------------------------------------------
LOG_FORMAT = env.choice("HAIRME_LOG_FORMAT", "json" if PRODUCTION else "console", ("json", "console"), help="Shape of log lines.")
LOG_LEVEL = env.choice(
    "HAIRME_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"), help="Least severe line that is logged."
)
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_USER_ID_FIELD = ""  # finding out who asks would load the session of every request, and fail without a database
LOGGING = logging_config(LOG_FORMAT, LOG_LEVEL)
configure_structlog()

PROMETHEUS_METRICS_EXPORT_PORT = None
PROMETHEUS_EXPORT_MIGRATIONS = False

env.DECLARED.update(
    HOST="Address the web server binds to (default 127.0.0.1).",
    WEB_CONCURRENCY="Processes of the web server (default: 2).",
    WEB_THREADS="Threads of each process of the web server (default: 24).",
    HAIRME_INFERENCE_CONCURRENCY="Processes of the inference worker (default: number of processors).",
    HAIRME_STAFF_PASSWORD="Password of the staff login that `prepare` makes (default: a random one, printed).",  # noqa: S106
)
