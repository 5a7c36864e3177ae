/** The question for a name: at the first visit, and whenever somebody wants another one. */

import { byId } from "./dom.ts";
import { recall, remember, suggestion } from "./identity.ts";
import { paint } from "./people-view.ts";
import { initials, type Person, personName } from "./words.ts";

/** Resolves with who we are now, or null when the question was dismissed. The first visit cannot dismiss it. */
export function askName(): Promise<Person | null> {
  const dialog = byId<HTMLDialogElement>("welcome");
  const input = byId<HTMLInputElement>("welcome-name");
  const known = recall();
  input.value = known?.name ?? suggestion();
  const showFace = () => {
    const face = byId("welcome-face");
    face.textContent = initials(input.value);
    paint(face, { id: known?.id ?? input.value, name: input.value });
  };
  input.oninput = showFace;
  showFace();
  dialog.showModal();
  input.select();
  return new Promise((resolve) => {
    dialog.oncancel = (event) => !known && event.preventDefault();
    dialog.onclose = () => resolve(dialog.returnValue === "joined" ? remember(input.value) : null);
    byId<HTMLFormElement>("welcome-form").onsubmit = (event) => {
      event.preventDefault();
      if (personName(input.value)) dialog.close("joined");
    };
    dialog.returnValue = "";
  });
}
