// Labeling the items of a project.
import "../labeling/label-keys.js";
