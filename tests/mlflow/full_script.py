"""The whole mlflow with scikit-learn: autologging, figures, a model logged, registered and loaded again."""

import json

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mlflow
import numpy as np
from mlflow.tracking import MlflowClient
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

X, y = load_iris(return_X_y=True)
client = MlflowClient()
mlflow.set_experiment("autologged")
mlflow.sklearn.autolog(max_tuning_runs=3)
with mlflow.start_run() as run:
    LogisticRegression(max_iter=200).fit(X, y)
found = client.get_run(run.info.run_id)
assert found.data.params["max_iter"] == "200", found.data.params
assert found.data.metrics["training_accuracy_score"] > 0.9
files = [item.path for item in client.list_artifacts(run.info.run_id)]
assert "training_confusion_matrix.png" in files, files

with mlflow.start_run() as search:
    GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 1, 10]}).fit(X, y)
children = client.search_runs([search.info.experiment_id], f"tags.mlflow.parentRunId = '{search.info.run_id}'")
assert len(children) == 3, children

mlflow.sklearn.autolog(disable=True)
with mlflow.start_run() as run:
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    mlflow.log_figure(figure, "figures/line.png")
    mlflow.log_image(np.zeros((4, 4, 3), dtype=np.uint8), key="zero", step=1)
    model = LogisticRegression(max_iter=200).fit(X, y)
    info = mlflow.sklearn.log_model(model, name="iris", input_example=X[:2], registered_model_name="iris")
assert list(mlflow.sklearn.load_model("models:/iris/1").predict(X[:3])) == list(model.predict(X[:3]))
assert list(mlflow.pyfunc.load_model(info.model_uri).predict(X[:3])) == list(model.predict(X[:3]))
logged = mlflow.search_logged_models(experiment_ids=[run.info.experiment_id], output_format="list")
assert "iris" in [item.name for item in logged], logged
print("RESULT" + json.dumps({"run": run.info.run_id}))
