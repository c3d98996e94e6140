// The Health page: a choice shows itself; without this the button does.

const form = document.getElementById("range");
form.querySelector("button").hidden = true;
form.addEventListener("change", () => form.requestSubmit());
// On a narrow screen a picture is wider than its place, and the newest is at its right end.
for (const picture of document.querySelectorAll("[data-newest]")) picture.scrollLeft = picture.scrollWidth;
