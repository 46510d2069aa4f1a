// Lists of the administration whose rows can be selected.
import "../lists/selection.js";
import "../lists/keep-state.js";
import "../shared/polling.js";
