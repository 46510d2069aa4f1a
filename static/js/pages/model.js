// The page of one version of a registered model.
import "../shared/filters.js";
import "../runs/file-tree.js";
