// The page at a workspace's tracking URI: opens the target of a link that MLflow printed.
import { openQuery } from "../pure/mlflow-link.js";

window.location.replace(window.location.pathname + openQuery(window.location.hash));
