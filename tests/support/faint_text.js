// Texts whose contrast is below 4.5:1, or 3:1 where they are large (WCAG 2.2, 1.4.3).
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (text) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) =>
    top
      .slice(0, 3)
      .map((v, i) => v * top[3] + under[i] * (1 - top[3]))
      .concat(1);
  const light = (c) =>
    c
      .slice(0, 3)
      .map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const each = walk.currentNode.parentElement;
    if (
      !walk.currentNode.textContent.trim() ||
      !each.checkVisibility() ||
      each.closest(".hidden, :disabled, option, noscript")
    )
      continue;
    const layers = [];
    let faded = 1;
    for (let up = each; up; up = up.parentElement) {
      const style = getComputedStyle(up);
      layers.push(rgba(style.backgroundColor));
      faded *= Number(style.opacity);
    }
    const back = layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
    const style = getComputedStyle(each);
    const [r, g, b, a] = rgba(style.color);
    const ink = over([r, g, b, a * faded], back);
    const [high, low] = [light(ink), light(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5))
      found.push(
        `${ratio.toFixed(2)} ${each.tagName}.${each.className}: ${walk.currentNode.textContent.trim().slice(0, 30)}`,
      );
  }
  return [...new Set(found)];
};
