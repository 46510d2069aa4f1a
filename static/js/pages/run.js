// Every tab of a job.
import "../lists/selection.js";
import "../lists/keep-state.js";
import "../shared/polling.js";
import "../shared/filters.js";
import "../runs/tab-keys.js";
import "../runs/inline-edit.js";
import "../runs/compare-list.js";
import "../runs/file-tree.js";
