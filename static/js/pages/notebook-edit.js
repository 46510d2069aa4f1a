// The editor of a text file.
import "../notebooks/edit-text.js";
