// A panel of a list as a separate page.
import "../lists/panels.js";
import "../shared/filters.js";
