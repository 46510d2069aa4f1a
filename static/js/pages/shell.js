// Modules of every page. The order matters where two modules listen to the same event.
import "../shell/theme.js";
import "../shared/attendance.js";
import "../shell/times.js";
import "../shell/toasts.js";
import "../shell/clipboard.js";
import "../shell/dialogs.js";
import "../shell/navigation.js";
import "../shell/tabs.js";
import "../shell/cut-text.js";
import "../shell/palette.js";
import "../shell/keyboard.js";
import "../shell/forms.js";
import "../shell/form-entries.js";
import "../shared/unshown-images.js";
