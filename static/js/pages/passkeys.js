// A form with data-passkey="create" or "get" asks the device for a passkey before it is sent.
import { readCsrfToken } from "../shared/requests.js";

const askDevice = async (kind, options) => {
  if (kind === "create") {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey);
    return navigator.credentials.create({ publicKey });
  }
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey) });
};

const explain = (error) => {
  if (error.name === "NotAllowedError") return "It was canceled, or the device has no passkey for this site.";
  if (error.name === "SecurityError") return "Passkeys need HTTPS or localhost, and the name that they were made for.";
  if (error.name === "InvalidStateError") return "This device has a passkey for you already.";
  return error.message;
};

const send = async (form) => {
  const message = form.querySelector(".field-error[role=alert]");
  message.textContent = "";
  try {
    const answer = await fetch(form.dataset.passkeyOptions, { method: "POST", headers: { "X-CSRFToken": readCsrfToken() } });
    if (!answer.ok) throw new Error("The studio gave no options. Load the page again.");
    const credential = await askDevice(form.dataset.passkey, await answer.json());
    form.elements.credential.value = JSON.stringify(credential);
    form.submit();
  } catch (error) {
    message.textContent = explain(error);
  }
};

for (const form of document.querySelectorAll("[data-passkey]")) {
  form.hidden = !window.PublicKeyCredential?.parseRequestOptionsFromJSON;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}
