// After a button changed the rule, the preview asks again.
document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx?.target?.id === "rule-editor") document.body.dispatchEvent(new CustomEvent("ruleedited"));
});
