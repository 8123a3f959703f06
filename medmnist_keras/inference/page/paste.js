// A picture that is pasted anywhere goes where a dropped one goes.
document.addEventListener("paste", (event) => {
  const input = document.querySelector("#picture input[type=file]");
  if (!input || !event.clipboardData.files.length) return;
  input.files = event.clipboardData.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
});
