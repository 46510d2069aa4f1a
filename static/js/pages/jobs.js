// A list of jobs: all of a workspace, or those of an experiment.
import "../lists/selection.js";
import "../lists/keep-state.js";
import "../shared/polling.js";
import "../shared/filters.js";
import "../lists/column-widths.js";
import "../lists/table.js";
import "../lists/panels.js";
import "../lists/rows.js";
import "../lists/query-box.js";
import "../lists/tag-editor.js";
import "../lists/acts.js";
import "../lists/undo.js";
import "../lists/looks.js";
import "../lists/sticky-header.js";
import "../lists/charts.js";
