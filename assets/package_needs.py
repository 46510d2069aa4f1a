"""The dependencies of the `azureml-*` distributions besides the SDK, similar to those of the real ones."""

import re

SDK = "lazuli-sdk"
NOTEBOOKS, AUTOML, EXPLAIN = f"{SDK}[notebooks]", f"{SDK}[automl]", f"{SDK}[explain]"
# The engine for datasets, and packages that scripts expect with it.
TABLES = [f"{SDK}[data]", "pandas", "pyarrow", "numpy"]
# interpret-community works with these, and no wheel of such a numpy is for a newer Python.
INTERPRET = [f"{need} ; python_version < '3.12'" for need in ("interpret-community", "shap<0.45", "numpy<1.24")]

NEEDS = {
    "azureml-sdk": ["azureml-dataset-runtime", "azureml-train-core", "azureml-pipeline"],
    "azureml-defaults": ["azureml-dataset-runtime", *TABLES],
    "azureml-pipeline": ["azureml-pipeline-core", "azureml-pipeline-steps"],
    "azureml-dataset-runtime": TABLES,
    "azureml-dataprep": TABLES,
    "azureml-datadrift": TABLES,
    "azureml-opendatasets": TABLES,
    "azureml-fsspec": ["fsspec"],
    "azureml-tensorboard": ["tensorboard"],
    "azureml-widgets": [NOTEBOOKS],
    "azureml-train-automl": ["azureml-train-automl-client", "azureml-train-automl-runtime"],
    "azureml-train-automl-client": [AUTOML],
    "azureml-train-automl-runtime": [AUTOML, "scikit-learn", *TABLES],
    "azureml-automl-core": [AUTOML],
    "azureml-automl-runtime": [AUTOML, "scikit-learn"],
    "azureml-interpret": [EXPLAIN, *INTERPRET],
    "azureml-explain-model": [EXPLAIN, *INTERPRET],
    "azureml-contrib-interpret": [EXPLAIN, *INTERPRET],
}
# From that minor version of azureml-mlflow on: the MLflow of its time, at most what the real one allows.
MLFLOW = {
    0: "mlflow>=1,<2",
    29: "mlflow-skinny<2",
    48: "mlflow-skinny<3",
    59: "mlflow-skinny<=2.15.1",
    60: "mlflow-skinny<3",
    61: "mlflow-skinny<=3.5.0",
    # The last posts allow 3.15.0, whose sklearn.log_model needs skops, which neither of the two brings.
    62: "mlflow-skinny<=3.9.0",
}
# These do not depend on azureml-core.
ROOTS = re.compile(r"azureml-(core|dataprep.*|inference-server-http|fsspec)")
EXTRAS = {
    "notebooks": [NOTEBOOKS],
    "widgets": [NOTEBOOKS],
    "automl": [AUTOML],
    "explain": [EXPLAIN],
    "interpret": [EXPLAIN],
    "pandas": ["pandas"],
    "parquet": ["pyarrow"],
    "tensorboard": ["tensorboard"],
    "accel-models": [],
    "azureml-core-bootstrap": [],
    "contrib": [],
    "fuse": [],
    "passthrough": [],
    "services": [],
    "scipy": [],
    "pyspark": [],
}


def list_needs(name: str, version: str) -> list[str]:
    """The requirements of one of the `azureml-*` distributions, with the SDK first."""
    core = [] if ROOTS.fullmatch(name) else ["azureml-core"]
    mlflow = [find_mlflow(version)] if name == "azureml-mlflow" else []
    return [SDK, *core, *NEEDS.get(name, []), *mlflow]


def find_mlflow(version: str) -> str:
    """MLflow's requirement for a version of azureml-mlflow."""
    numbers = re.match(r"1\.(\d+)", version)
    minor = int(numbers[1]) if numbers else 0
    return MLFLOW[max(first for first in MLFLOW if first <= minor)]
