"""All settings. A deployment changes the environment, not this file; docs/operations.md has a line for each variable."""

import pathlib
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from lazuli import private_folder

from studio import env, hosts, networks, redis_server, tracing
from studio.secret_key import secret_key
from studio.static_files import static_version

# Before any file is created: web server, workers and commands all load this file first.
private_folder.close_new_files()

BASE_DIR = pathlib.Path(__file__).resolve().parent.parent
DATA_DIR = env.read_folder("DATA_DIR", BASE_DIR / "data")

HOST = env.read_text("HOST", "127.0.0.1")
PORT = env.read_int("PORT", 8000, min_value=1, max_value=65535)
# The URL at which this machine reaches the web server.
_near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(HOST, HOST)
LOCAL_URL = f"http://{f'[{_near}]' if ':' in _near else _near}:{PORT}"
PUBLIC_URL = env.read_url("PUBLIC_URL", ("http", "https"), LOCAL_URL).rstrip("/")

DEBUG = env.read_bool("DEBUG", False)
SECRET_KEY = env.read_text("SECRET_KEY") or secret_key(DATA_DIR)
PUBLIC_HOST = hosts.host_of(PUBLIC_URL)
# A proxy may serve us below a path; then all our addresses begin with it.
PUBLIC_PATH = hosts.path_of(PUBLIC_URL)
FORCE_SCRIPT_NAME = PUBLIC_PATH or None
# The URL of applications such as JupyterLab; each has its own name instead of the *.
APPS_URL = env.read_url("APPS_URL", ("http", "https"), hosts.default_apps_url(PUBLIC_URL, PUBLIC_HOST)).rstrip("/")
APPLICATIONS = hosts.applications_of(APPS_URL)
ALLOWED_HOSTS = hosts.allowed_hosts(HOST, PUBLIC_HOST, env.read_list("ALLOWED_HOSTS"))
# If we listen on loopback but have another public name, there is a proxy on this machine, and only it can reach us.
_proxy_here = hosts.is_loopback(HOST) and not hosts.is_loopback(PUBLIC_HOST)
TRUSTED_PROXIES = networks.parse_networks(
    "TRUSTED_PROXIES", env.read_list("TRUSTED_PROXIES", "127.0.0.1,::1" if _proxy_here else "")
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL.removesuffix(PUBLIC_PATH)]
HTTPS = PUBLIC_URL.startswith("https:")

INSTALLED_APPS = [
    # First, so that accounts/admin.py finds what they register in the administration.
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "studio",
    "accounts",
    "workspaces",
    "assets",
    "compute",
    "runs",
    "registry",
    "endpoints",
    "notebooks",
    "labeling",
    "trash",
    "costs",
    "backups",
    "operations",
    "notices",
    "studio.administration.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "ninja",
]

MIDDLEWARE = [
    "studio.request_context.RequestContext",
    "studio.rate_limits.RateLimits",
    "operations.request_records.RecordRequests",
    "accounts.refusals.RecordRefusals",
    "studio.middleware.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    # Before the static files, so that they are compressed too.
    "studio.middleware.Compression",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "studio.statement_limit.StatementLimit",
    "studio.repeated_polls.RepeatedPolls",
    "studio.middleware.AzurePaths",
    "studio.middleware.Sessions",
    "django.middleware.common.CommonMiddleware",
    "studio.middleware.Csrf",
    "studio.middleware.People",
    "accounts.view_as_guard.GuardViewAs",
    "studio.middleware.FormsWithFiles",
    "studio.middleware.PagesNeedSignIn",
    "allauth.account.middleware.AccountMiddleware",
    "studio.middleware.Messages",
    "accounts.guards.Guards",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "studio.middleware.Htmx",
    "studio.middleware.Errors",
]

# Middleware for requests to the API, which accepts tokens only (studio/wsgi.py): no cookies, pages and static files.
API_MIDDLEWARE = [
    "studio.request_context.RequestContext",
    "studio.rate_limits.RateLimits",
    "operations.request_records.RecordRequests",
    "accounts.refusals.RecordRefusals",
    "studio.middleware.ApiHeaders",
    "studio.middleware.FastCompression",
    "studio.statement_limit.StatementLimit",
    "studio.middleware.AzurePaths",
    "django.middleware.common.CommonMiddleware",
    "studio.etags.Etags",
]

ROOT_URLCONF = "studio.urls"
WSGI_APPLICATION = "studio.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "studio.shell.context",
            ],
            "builtins": ["studio.templatetags.studio", "workspaces.templatetags.access"],
        },
    }
]

DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(
        env.read_url("DATABASE_URL", ("sqlite", "postgres", "postgresql"), f"sqlite:///{DATA_DIR / 'studio.sqlite3'}")
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["ENGINE"] = "studio.sqlite"
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32000;",
    }
else:
    DATABASES["default"]["ENGINE"] = "studio.postgresql"
    # libpq's form of the URL: postgresql:///studio?host=/run/postgresql. pg_dump needs them too.
    for _option in ("host", "port", "user", "password"):
        if _value := DATABASES["default"].get("OPTIONS", {}).pop(_option, ""):
            DATABASES["default"][_option.upper()] = _value
    # For a server that accepts connections and does not respond.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
# Threads of the web server and the workers keep their connection.
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# A folder by default; s3://bucket/prefix or az://container/prefix for a team.
STORAGE_URL = env.read_url("STORAGE_URL", ("file", "s3", "az", "gs", "memory"), f"file://{DATA_DIR / 'storage'}")

# The files of people and notebooks; always a folder, by default next to the other files if those are in one.
_storage = urlsplit(STORAGE_URL)
SHARES_DIR = env.read_folder(
    "SHARES_DIR", (pathlib.Path(unquote(_storage.path)) if _storage.scheme == "file" else DATA_DIR) / "shares"
)

# `up` sets REDIS_URL for its child processes when it starts a private Redis.
REDIS_URL = env.read_url("REDIS_URL", ("redis", "rediss", "unix"), "") or redis_server.build_private_url(
    DATA_DIR, DATA_DIR / "redis" / "redis.sock"
)

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.Passwords"]
LOGIN_URL = f"{PUBLIC_PATH}/signin/"
LOGIN_REDIRECT_URL = f"{PUBLIC_PATH}/"
LOGOUT_REDIRECT_URL = "/signin/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.own_words.OwnWordsValidator"},
    {"NAME": "accounts.breach_list.BreachListValidator"},
]
BREACH_LIST = env.read_file("BREACH_LIST")
# The second reads the passwords of accounts that were made before the first was used.
PASSWORD_HASHERS = ["accounts.hashers.Argon2", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
# Only models and computations of django-allauth are used; none of its pages has a URL here.
ACCOUNT_ADAPTER = "accounts.closed_sign_up.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
SOCIALACCOUNT_ADAPTER = "accounts.closed_sign_up.SocialAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
MFA_ADAPTER = "accounts.second_factors.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_TOLERANCE = 1
SESSION_ENGINE = "accounts.sessions"
# Our scripts never read a cookie: pages contain the token of their forms.
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# Other paths of the host do not get the cookies.
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{PUBLIC_PATH}/"
# Browsers then accept them only from this host by HTTPS. A prefix for the host allows no path.
COOKIE_PREFIX = ("__Secure-" if PUBLIC_PATH else "__Host-") if HTTPS else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid", f"{COOKIE_PREFIX}csrftoken"
SESSION_COOKIE_AGE = 14 * 24 * 3600
# 0: a session that nobody uses ends with its age. `last_used_at` is written every five minutes.
SESSION_IDLE_MINUTES = env.read_int("SESSION_IDLE_MINUTES", 0, max_value=14 * 24 * 60)
if 0 < SESSION_IDLE_MINUTES < 10:
    raise ImproperlyConfigured("SESSION_IDLE_MINUTES: write 10 or more minutes, or 0 for none")
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

# No STATIC_ROOT: whitenoise serves the files from their source folders.
STATIC_ROOT = None
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_STATIC_PREFIX = f"/static/{static_version(BASE_DIR / 'static')}/"
STATIC_URL = f"{PUBLIC_PATH}{WHITENOISE_STATIC_PREFIX}"
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 0
# The URL changes with the content, so files are cached permanently; not while one is working on them.
WHITENOISE_IMMUTABLE_FILE_TEST = "^$" if DEBUG else "^/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# Uploads are streamed and never held in memory; this limits JSON bodies.
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
X_FRAME_OPTIONS = "SAMEORIGIN"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
# Warnings of `check --deploy`: studio.middleware.Csrf is the missing middleware (W003); the proxy handles HTTPS (W004, W008); a page shows
# its own files in frames (W019).
SILENCED_SYSTEM_CHECKS = ["security.W003", "security.W004", "security.W008", "security.W019"]

DISK_RESERVE_BYTES = env.read_int("DISK_RESERVE_MB", 500, min_value=0) * 1024 * 1024
SNAPSHOT_MAX_BYTES = env.read_int("SNAPSHOT_MAX_MB", 1000, min_value=1) * 1024 * 1024
SHARE_MAX_BYTES = env.read_int("SHARE_MAX_MB", 10_000, min_value=1) * 1024 * 1024
PREVIEW_MAX_BYTES = env.read_int("PREVIEW_MAX_KB", 512, min_value=1) * 1024
TRASH_DAYS = env.read_int("TRASH_DAYS", 30, min_value=1, max_value=3650)
VM_PRICES = env.read_amounts("VM_PRICES")
# Per second; both far above the requests of a script or a page.
TOKEN_REQUESTS = env.read_int("TOKEN_REQUESTS", 2000, min_value=1)
ADDRESS_REQUESTS = env.read_int("ADDRESS_REQUESTS", 300, min_value=1)
SLOW_REQUEST_SECONDS = env.read_int("SLOW_REQUEST_SECONDS", 2, min_value=1, max_value=3600)
WHEELS_DIR = env.read_folder("WHEELS_DIR", DATA_DIR / "wheels")
BACKUP_DIR = env.read_folder("BACKUP_DIR", DATA_DIR / "backups")
BACKUP_HOURS = env.read_int("BACKUP_HOURS", 0, max_value=24 * 366)
BACKUP_KEEP = env.read_int("BACKUP_KEEP", 7, max_value=10_000)
COPY_BEFORE_MIGRATION = env.read_bool("COPY_BEFORE_MIGRATION", True)
BACKUP_PASSPHRASE = env.read_text("BACKUP_PASSPHRASE")
WEBHOOK_NETWORKS = networks.parse_networks("WEBHOOK_NETWORKS", env.read_list("WEBHOOK_NETWORKS"))
# Where the rows of the activity log are sent as they are written. A receiver may be in a private network.
ACTIVITY_WEBHOOK = env.read_url("ACTIVITY_WEBHOOK", ("https", "http"))
ACTIVITY_WEBHOOK_SECRET = env.read_secret_of("ACTIVITY_WEBHOOK_SECRET", "ACTIVITY_WEBHOOK")
ACTIVITY_SYSLOG = env.read_server("ACTIVITY_SYSLOG", ("tls", "tcp", "udp"))
STORAGE_PRICE = env.read_amount("STORAGE_PRICE")
GATEWAY_SOCKET = env.read_text("GATEWAY_SOCKET")
NODE_LEASE_SECONDS = env.read_int("NODE_LEASE_SECONDS", 30, min_value=5)
# Without it the keys are in <data>/vault.keys.
KEY_VAULT_KEYS = env.read_list("KEY_VAULT_KEYS")
# Folders below which folders of the server may become datastores, and private hosts that datastores and web files may name.
DATASTORE_ROOTS = env.read_list("DATASTORE_ROOTS")
DATASTORE_HOSTS = env.read_list("DATASTORE_HOSTS")
HOST_NAME = env.read_text("HOST_NAME", "local")

# Without SMTP_URL no mail is sent.
_mail = urlsplit(env.read_url("SMTP_URL", ("smtp", "smtps")))
EMAIL_HOST, EMAIL_PORT = _mail.hostname or "", _mail.port or (465 if _mail.scheme == "smtps" else 587)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")
EMAIL_USE_SSL, EMAIL_USE_TLS = _mail.scheme == "smtps", _mail.scheme == "smtp" and not hosts.is_loopback(EMAIL_HOST)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.read_text("MAIL_FROM", f"lazuli@{PUBLIC_HOST}")

OTEL_EXPORTER_OTLP_ENDPOINT = env.read_url("OTEL_EXPORTER_OTLP_ENDPOINT", ("http", "https"))
if OTEL_EXPORTER_OTLP_ENDPOINT:
    tracing.check_packages()
LOG_FORMAT = env.read_choice("LOG_FORMAT", ("text", "json"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"outages": {"()": "studio.outages.OneLine"}},
    "formatters": {"text": {"()": "studio.log_formats.Text"}, "json": {"()": "studio.log_formats.Json"}},
    "handlers": {"stream": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stream"], "level": env.read_text("LOG_LEVEL", "WARNING")},
    # A wrong host name gets a 400; logging a traceback for each would let clients fill the log.
    "loggers": {
        "django.request": {"level": "ERROR", "filters": ["outages"]},
        # A task that meets an outage; it comes again within seconds.
        "celery.app.trace": {"filters": ["outages"]},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        # The client of Azure's file shares, which warns of each file that is not there.
        "azure": {"level": "ERROR"},
    },
}
