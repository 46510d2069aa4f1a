"""The curated environments of Azure by name, with packages of today that fit together."""

from __future__ import annotations

from typing import Any, Dict, List

SCIKIT = ["numpy", "scipy", "scikit-learn", "pandas", "joblib"]
TORCH = ["torch", "torchvision", "numpy", "pandas", "matplotlib", "tqdm", "tensorboard"]
TENSORFLOW = ["tensorflow", "numpy", "pandas", "matplotlib", "tensorboard"]


def _conda(python: str, packages: List[str]) -> Dict[str, Any]:
    return {
        "name": "project_environment",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", {"pip": ["azureml-defaults", *packages]}],
    }


def _all(names: List[str], python: str, packages: List[str]) -> Dict[str, Dict[str, Any]]:
    return {name: _conda(python, packages) for name in names}


ENVIRONMENTS: Dict[str, Dict[str, Any]] = {
    **_all(["AzureML-Minimal"], "3.8", []),
    **_all(["AzureML-Tutorial"], "3.8", [*SCIKIT, "matplotlib", "azureml-mlflow"]),
    **_all(
        [
            "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu",
            "AzureML-sklearn-0.24-ubuntu18.04-py37-cpu",
            "AzureML-Scikit-learn-0.20.3",
            "AzureML-Scikit-learn0.24-Cuda11-OpenMpi4.1.0-py36",
            "AzureML-sklearn-1.5",
        ],
        "3.8",
        [*SCIKIT, "matplotlib", "azureml-mlflow"],
    ),
    **_all(
        ["AzureML-lightgbm-3.3", "AzureML-lightgbm-3.2-ubuntu18.04-py37-cpu", "AzureML-XGBoost-0.9"],
        "3.8",
        [*SCIKIT, "lightgbm", "xgboost", "azureml-mlflow"],
    ),
    **_all(
        [
            "AzureML-PyTorch-1.6-CPU",
            "AzureML-PyTorch-1.6-GPU",
            "AzureML-pytorch-1.10-ubuntu18.04-py38-cuda11-gpu",
            "AzureML-ACPT-pytorch-1.13-py38-cuda11.7-gpu",
            "AzureML-acpt-pytorch-2.2-cuda12.1",
        ],
        "3.10",
        [*TORCH, "azureml-mlflow"],
    ),
    **_all(
        [
            "AzureML-TensorFlow-2.3-CPU",
            "AzureML-TensorFlow-2.3-GPU",
            "AzureML-tensorflow-2.7-ubuntu20.04-py38-cuda11-gpu",
            "AzureML-tensorflow-2.16-cuda12",
        ],
        "3.10",
        [*TENSORFLOW, "azureml-mlflow"],
    ),
    **_all(["AzureML-responsibleai-0.21-ubuntu20.04-py38-cpu"], "3.8", [*SCIKIT, "shap", "azureml-mlflow"]),
    **_all(["AzureML-AutoML"], "3.8", [*SCIKIT, "lightgbm", "azureml-mlflow"]),
}
