// SPDX-License-Identifier: Apache-2.0
// Asks every two seconds whether the phone has approved; without this script the button "continue" does the same.
"use strict";

const main = document.querySelector("main[data-state]");
const note = document.getElementById("status");

async function ask() {
  try {
    const answer = await fetch(main.dataset.state, { cache: "no-store", credentials: "same-origin" });
    const seen = await answer.json();
    if (answer.ok && seen.state !== "waiting") {
      window.location.replace(main.dataset.continue);
      return;
    }
    if (answer.ok && seen.refusal && note.textContent !== seen.refusal) {
      note.textContent = seen.refusal;
      note.className = "notice";
    }
  } catch {
    // The network may come back; the button stays.
  }
  window.setTimeout(ask, 2000);
}

if (main) {
  window.setTimeout(ask, 1000);
}
