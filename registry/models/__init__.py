"""Registered models with their versions, logged models with their files and links to runs, files of the workspace itself."""

from registry.models.logged_models import LoggedModel, ModelFile, RunModel
from registry.models.promotion import PromotionRule
from registry.models.promotion_requests import PromotionRequest
from registry.models.registered_models import Model, ModelVersion, VersionDataset
from registry.models.stars import ModelStar
from registry.models.workspace_files import WorkspaceFile

__all__ = [
    "LoggedModel",
    "Model",
    "ModelFile",
    "ModelStar",
    "ModelVersion",
    "PromotionRequest",
    "PromotionRule",
    "RunModel",
    "VersionDataset",
    "WorkspaceFile",
]
