"""Registered models with their versions, logged models with their files, and the links between runs and logged models."""

from registry.models.logged_models import LoggedModel, ModelFile, RunModel
from registry.models.registered_models import Model, ModelVersion

__all__ = ["LoggedModel", "Model", "ModelFile", "ModelVersion", "RunModel"]
