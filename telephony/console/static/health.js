// The Health page: a choice shows itself; without this the button does.

const form = document.getElementById("range");
form.addEventListener("change", () => form.requestSubmit());
