// The head of the Filter tab: which preset, what can be undone, and which of A and B is heard.

import { $, signed, write } from "./dom.js";

/** Show what `get` says of a chain. */
export function showDesk(state) {
  const { name, preset, bypass, modified, can_undo: canUndo, can_redo: canRedo } = state;
  write($("preset-name"), modified ? `${name} (changed)` : name);
  write($("preset-about"), [preset.about, preset.expect].filter(Boolean).join(". ").replace("..", "."));
  $("undo").disabled = !canUndo;
  $("redo").disabled = !canRedo;
  $("ab-a").checked = !bypass.on;
  $("ab-b").checked = bypass.on;
  $("ab-match").checked = bypass.matched;
  document.documentElement.classList.toggle("bypassed", bypass.on);
  const gain = bypass.gain_db || 0;
  const louder = gain === 0 ? "at its own loudness" : `${signed(gain)} dB, to be as loud as the filtered sound`;
  write(
    $("ab-words"),
    !bypass.on
      ? "You hear the filters."
      : bypass.matched
        ? `You hear the plain sound, ${louder}.`
        : "You hear the plain sound as it is; loudness not matched.",
  );
}
