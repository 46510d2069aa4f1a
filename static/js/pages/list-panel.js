// A panel of a list as a page of its own.
import "../lists/panels.js";
import "../shared/filters.js";
