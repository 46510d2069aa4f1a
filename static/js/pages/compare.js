// Comparing jobs, on every tab.
import "../lists/selection.js";
import "../lists/keep-state.js";
import "../lists/sticky-header.js";
import "../shared/polling.js";
import "../shared/filters.js";
import "../runs/tab-keys.js";
import "../compare/form.js";
import "../compare/keys.js";
import "../compare/copy.js";
import "../compare/add-jobs.js";
import "../compare/differences.js";
import "../compare/live-updates.js";
