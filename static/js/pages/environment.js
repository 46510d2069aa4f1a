// The pages of one environment.
import "../runs/tab-keys.js";
import "../runs/file-tree.js";
import "../shared/go-to.js";
