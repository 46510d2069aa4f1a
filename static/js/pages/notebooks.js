// The Notebooks page.
import "../notebooks/upload.js";
import "../runs/file-tree.js";
