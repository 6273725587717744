"""Settings. Everything that differs between installations comes from the environment (see .env.example)."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict

from cdp import environment
from cdp.environment import PROJECT_FOLDER, envbool, envint, envlist, envsecret, envstr


def database(url: str) -> dict[str, Any]:
    """Django's dictionary for a PostgreSQL address in any form libpq knows, unix sockets and TLS options included."""
    try:
        parts = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except Exception as error:
        raise ImproperlyConfigured(f"CDP_DATABASE_URL cannot be read: {error}") from None
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", "cdp"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "OPTIONS": {"application_name": "cdp", **parts},
        # A connection a thread, kept: taking one from a pool costs 0.1 ms a request.
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": envbool("CDP_PGBOUNCER", False),
    }


DATA_FOLDER = environment.data_folder()
_embedded = environment.embedded_services(DATA_FOLDER)

DATABASE_URL = envsecret("CDP_DATABASE_URL") or _embedded.get("database_url", "postgresql://cdp@127.0.0.1:5432/cdp")
REDIS_URL = envsecret("CDP_REDIS_URL") or _embedded.get("redis_url", "redis://127.0.0.1:6379/0")
SECRET_KEY = environment.secret_key(DATA_FOLDER)
SECRET_KEY_FALLBACKS = [key for key in [envsecret("CDP_SECRET_KEY_PREVIOUS")] if key]

DEBUG = envbool("CDP_DEBUG", False)
PORT = envint("CDP_PORT", 8000)
ALLOWED_HOSTS = envlist("CDP_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = envlist("CDP_TRUSTED_ORIGINS", [])

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "django_celery_beat",
    "common",
    "identity",
    "events",
    "quality",
    "segments",
    "connectors",
    "insights",
    "privacy",
    "campaigns",
    "cdp",
    "cdp.api",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "cdp.security.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "cdp.urls"
WSGI_APPLICATION = "cdp.wsgi.application"
AUTH_USER_MODEL = "common.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEST_RUNNER = "django.test.runner.DiscoverRunner"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PROJECT_FOLDER / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES = {"default": database(DATABASE_URL)}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL, "KEY_PREFIX": "cdp"}
}

# -- time and language
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = True

# -- static files: hashed and compressed when collected (the container image), else served from the apps' own folders
STATIC_URL = "/static/"
STATIC_ROOT = envstr("CDP_STATIC_ROOT", str(DATA_FOLDER / "static"))
STATICFILES_DIRS = [folder for folder in [PROJECT_FOLDER / "static"] if folder.is_dir()]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(DATA_FOLDER / "files")},
    },
    "staticfiles": {"BACKEND": "cdp.static.CollectedOrPlainStorage"},
}
WHITENOISE_USE_FINDERS = True

# -- sign-in and cookies
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_NAME = "cdp_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = envint("CDP_SESSION_HOURS", 12) * 3600
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "cdp_csrf"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# -- behind TLS (CDP_HTTPS=1) cookies travel on TLS only; on a laptop's loopback they could not be set at all
HTTPS = envbool("CDP_HTTPS", False)
BEHIND_PROXY = envbool("CDP_BEHIND_PROXY", HTTPS)  # believe X-Forwarded-For
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = False  # the proxy in front does it; health checks come without TLS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

# -- the REST API
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Customer data platform",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    # Where several shapes have the same words, the document needs a name for them.
    "ENUM_NAME_OVERRIDES": {
        "PublicationStateEnum": ["waiting", "done", "failed", "cancelled"],
        "AnnotationKindEnum": "cdp.api.shapes.kpis.KINDS",
        "PersonalAnswerEnum": "cdp.api.shapes.plan.ANSWERS",
        "MessageChannelEnum": "campaigns.messages.contracts.CHANNELS",
        "MessageStateEnum": "cdp.api.shapes.messages.STATES",
        "AlertKindEnum": "cdp.api.shapes.quality.KINDS",
        "MethodEnum": "insights.clusters.contracts.METHODS",
        "LifetimeMethodEnum": "cdp.api.shapes.lifetime.METHODS",
        "LifetimeChoiceEnum": "cdp.api.shapes.lifetime.CHOICES",
    },
}

# -- limits and retention that an operator may want to turn
DEDUPLICATION_DAYS = envint("CDP_DEDUPLICATION_DAYS", 7)
EVENT_RETENTION_DAYS = envint("CDP_EVENT_RETENTION_DAYS", 0)  # 0 keeps everything
# With more events in the log, a rule whose past was not counted yet is published by a worker.
PUBLISH_AT_ONCE_EVENTS = envint("CDP_PUBLISH_AT_ONCE_EVENTS", 1_000_000)
SESSION_MINUTES = envint("CDP_SESSION_MINUTES", 30)  # a longer pause ends a visit
PERSONALISE_SECONDS = float(envstr("CDP_PERSONALISE_SECONDS", "0.25"))  # then slots show their default content
READY_MAX_LAG = envint("CDP_READY_MAX_LAG", 200_000)  # accepted minus processed events
READY_MIN_FREE_MB = envint("CDP_READY_MIN_FREE_MB", 512)
OUTBOUND_ALLOW = envlist("CDP_OUTBOUND_ALLOW", [])  # private hosts and networks that destinations may call
DROP_FOLDER = envstr("CDP_DROP_FOLDER", str(DATA_FOLDER / "drops"))  # file destinations write below it
WATCH_FOLDER = envstr("CDP_WATCH_FOLDER", str(DATA_FOLDER / "watched"))  # sources look for files below it
RECOMMENDATION_ENGINE = envstr("CDP_RECOMMENDATION_ENGINE", "implicit")  # or `spark`, with its extra and Java
SPARK_MEMORY = envstr("CDP_SPARK_MEMORY", "2GB")  # of a run by Spark on this machine
LINKAGE_MEMORY = envstr("CDP_LINKAGE_MEMORY", "1GB")  # of a run over the whole base, before it spills to disk
LINKAGE_SWITCH_ON = envstr("CDP_LINKAGE_SWITCH_ON", "person")  # or `policy`: a precise new model goes live by itself

# -- mail of the product itself, such as reminders; without a host none is sent
EMAIL_HOST = envstr("CDP_EMAIL_HOST")
EMAIL_PORT = envint("CDP_EMAIL_PORT", 587)
EMAIL_HOST_USER = envstr("CDP_EMAIL_USER")
EMAIL_HOST_PASSWORD = envsecret("CDP_EMAIL_PASSWORD")
EMAIL_USE_TLS = envbool("CDP_EMAIL_TLS", True)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = envstr("CDP_EMAIL_FROM", "Customer data <noreply@localhost>")
PUBLIC_URL = envstr("CDP_PUBLIC_URL").rstrip("/")  # where people reach the pages, for links in mail

METRICS_TOKEN = envsecret("CDP_METRICS_TOKEN")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": envstr("CDP_LOG_LEVEL", "INFO").upper()},
    "loggers": {
        "django.server": {"level": "WARNING"},
        # One line a request, with its URL: nothing that a log should hold.
        "httpx": {"level": "WARNING"},
        "celery": {"level": envstr("CDP_LOG_LEVEL", "WARNING").upper()},
    },
}
