// A page whose charts stand as figures behind their elements.
import "../shared/figures.js";
