// The trash of a workspace.
import "../lists/selection.js";
import "../lists/keep-state.js";
import "../shared/polling.js";
