import js from "@eslint/js";
import globals from "globals";

// Modules that also run under node must not access the page.
const notOfThePage = Object.fromEntries(Object.keys(globals.browser).map((name) => [name, "off"]));

export default [
  { ignores: ["**/*", "!static/", "!static/js/", "!static/js/**", "!tests/", "!tests/js/", "!tests/js/**", "!eslint.config.js"] },
  js.configs.recommended,
  {
    files: ["static/js/**/*.js"],
    languageOptions: {
      // htmx and Plotly are third-party scripts, which every page (Plotly: with charts) loads before the modules.
      globals: { ...globals.browser, htmx: "readonly", Plotly: "readonly" },
    },
  },
  { files: ["static/js/pure/**/*.js"], languageOptions: { globals: { ...notOfThePage, htmx: "off", Plotly: "off", ...globals["shared-node-browser"] } } },
  { files: ["tests/js/**/*.js", "*.js"], languageOptions: { globals: globals.node } },
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      curly: ["error", "multi-line"],
      "consistent-return": "error",
      eqeqeq: "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-var": "error",
      "prefer-const": ["error", { destructuring: "all" }],
      "prefer-template": "error",
    },
  },
];
