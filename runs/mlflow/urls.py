from django.urls import path

from runs.mlflow.views import answer
from studio.api import W

WORKSPACE = W[1:].replace("{", "<str:").replace("}", ">")

urlpatterns = [path(f"mlflow/v{version}/{WORKSPACE}/<path:rest>", answer) for version in ("1.0", "2.0")]
