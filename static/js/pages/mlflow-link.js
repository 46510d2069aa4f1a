// The page at a workspace's tracking address: a link that MLflow printed opens what it names.
import { openQuery } from "../pure/mlflow-link.js";

window.location.replace(window.location.pathname + openQuery(window.location.hash));
