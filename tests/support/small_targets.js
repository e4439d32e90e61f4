// Things to touch that are smaller than 44 px (WCAG 2.2, 2.5.5).
() => {
  const found = [];
  for (const each of document.querySelectorAll("button, select, input, a.button")) {
    if (!each.checkVisibility() || each.closest(".hidden")) continue;
    const box = (
      (each.type === "checkbox" && !each.classList.contains("switch")) || each.type === "radio"
        ? each.closest("label")
        : each
    ).getBoundingClientRect();
    if (box.height < 43.5 || box.width < 43.5)
      found.push(`${Math.round(box.width)}x${Math.round(box.height)} ${each.outerHTML.slice(0, 90)}`);
  }
  return found;
};
