"""Train a small neural network to read handwritten digits, and let the studio watch.

Run it on a cluster:

    from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace

    ws = Workspace.from_config()
    environment = Environment.from_conda_specification("handwritten-digits", "environment.yml")
    config = ScriptRunConfig(
        source_directory=".",
        script="train.py",
        arguments=["--epochs", 40],
        compute_target="cpu-cluster",
        environment=environment,
    )
    run = Experiment(ws, "handwritten-digits").submit(config)
    run.wait_for_completion(show_output=True)
"""

import argparse
import os
import pickle
import time

import numpy as np
from azureml.core import Run
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--learning-rate", type=float, default=0.0015)
parser.add_argument("--hidden", type=int, default=24, help="neurons of the hidden layer")
parser.add_argument("--seconds-per-epoch", type=float, default=1.2, help="wait, so that there is something to watch")
args = parser.parse_args()

run = Run.get_context()
run.tag("dataset", "digits")
run.log("learning rate", args.learning_rate)

# 1,797 scanned digits of 8 by 8 pixels; they come with scikit-learn.
digits = load_digits()
train_x, test_x, train_y, test_y = train_test_split(
    digits.data, digits.target, test_size=0.3, random_state=0, stratify=digits.target
)
scaler = StandardScaler().fit(train_x)
train_x, test_pixels, test_x = scaler.transform(train_x), test_x, scaler.transform(test_x)
classes = np.unique(digits.target)
print(f"{len(train_x)} digits for training, {len(test_x)} for testing", flush=True)

model = MLPClassifier((args.hidden,), learning_rate_init=args.learning_rate, random_state=0)
for epoch in range(1, args.epochs + 1):
    begun = time.monotonic()
    model.partial_fit(train_x, train_y, classes=classes)
    loss = log_loss(train_y, model.predict_proba(train_x))
    validation_loss = log_loss(test_y, model.predict_proba(test_x))
    accuracy = accuracy_score(train_y, model.predict(train_x))
    validation_accuracy = accuracy_score(test_y, model.predict(test_x))

    run.log("loss", loss)
    run.log("validation loss", validation_loss)
    run.log("accuracy", accuracy)
    run.log("validation accuracy", validation_accuracy)
    print(
        f"epoch {epoch:3d}  loss {loss:.3f}  accuracy {accuracy:.3f}  on new digits {validation_accuracy:.3f}",
        flush=True,
    )
    time.sleep(max(0.0, args.seconds_per_epoch - (time.monotonic() - begun)))

predicted = model.predict(test_x)
matrix = confusion_matrix(test_y, predicted)
run.log_confusion_matrix(
    "confusion matrix",
    {
        "schema_type": "confusion_matrix",
        "schema_version": "1.0.0",
        "data": {"class_labels": [str(c) for c in classes], "matrix": matrix.tolist()},
    },
)
run.log_table(
    "accuracy of each digit",
    {
        "digit": [int(c) for c in classes],
        "tested": matrix.sum(axis=1).tolist(),
        "right": matrix.diagonal().tolist(),
        "accuracy": np.round(matrix.diagonal() / matrix.sum(axis=1), 3).tolist(),
    },
)

os.makedirs("outputs", exist_ok=True)

# The digits that were read wrong, side by side (the first ones tested, if none was).
wrong = np.flatnonzero(predicted != test_y)
shown = test_pixels[wrong if len(wrong) else np.arange(24)][:24].reshape(-1, 8, 8)
sheet = np.zeros((3 * 9 + 1, 8 * 9 + 1))
for index, pixels in enumerate(shown):
    top, left = index // 8 * 9 + 1, index % 8 * 9 + 1
    sheet[top : top + 8, left : left + 8] = pixels
image = Image.fromarray((255 - sheet * 255 / 16).astype("uint8")).resize((sheet.shape[1] * 8, sheet.shape[0] * 8), 0)
image.save("outputs/misread_digits.png")
run.log_image("misread digits", path="outputs/misread_digits.png")

with open("outputs/model.pkl", "wb") as file:
    pickle.dump({"scaler": scaler, "model": model}, file)

print(f"{len(wrong)} of {len(test_y)} new digits were misclassified. The model is in outputs/model.pkl.", flush=True)
run.complete()
