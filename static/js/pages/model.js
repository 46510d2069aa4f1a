// The pages of one version of a registered model.
import "../shared/filters.js";
import "../shared/go-to.js";
import "../runs/file-tree.js";
import "../runs/inline-edit.js";
import "../runs/tab-keys.js";
