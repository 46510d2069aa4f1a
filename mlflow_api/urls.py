from django.urls import path

from mlflow_api.openapi import openapi_json
from mlflow_api.redirect_to_workspace import browse
from mlflow_api.views import call_api
from studio.api import W

WORKSPACE = W[1:].replace("{", "<str:").replace("}", ">")
BASES = [f"mlflow/v{version}/{WORKSPACE}/" for version in ("1.0", "2.0")]

urlpatterns = [
    path("api/mlflow/openapi.json", openapi_json, name="mlflow_openapi"),
    *[path(base, browse) for base in BASES],
    *[path(f"{base}<path:rest>", call_api) for base in BASES],
]
