// Drops a file (bytes) or a photo of the tray (path) on an element, as the browser does when a person lets go of the mouse.
async ([selector, path, bytes]) => {
  const carried = new DataTransfer();
  if (path) carried.setData("application/x-workspace-tray", path);
  else carried.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" }));
  const target = document.querySelector(selector);
  for (const kind of ["dragenter", "dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
  }
}
