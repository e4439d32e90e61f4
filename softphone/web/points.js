// Which points of the curve can be dragged: bands of equalisers and edges of filters.

import { label } from "./dom.js";

const WITHOUT_GAIN = new Set(["lowpass", "highpass", "bandpass", "bandpass-skirt", "bandstop", "notch", "allpass"]);

/** Points for `Curve.setPoints`, each with the paths of what it moves. */
export function bandPoints(preset, kinds) {
  const found = [];
  for (const slot of preset.filter || []) {
    const kind = kinds[slot.type];
    if (!kind?.linear) continue;
    const names = new Set(kind.parameters.map(({ name }) => name));
    const list = kind.parameters.find(
      (param) => param.kind === "items" && param.item.some(({ name }) => name === "freq_hz"),
    );
    if (list) {
      (slot[list.name] || []).forEach((band, index) => {
        found.push(
          point(
            `${slot.slot}.${list.name}.${index}`,
            `${slot.slot} ${label(list.name).toLowerCase().replace(/s$/, "")} ${index + 1}`,
            band,
            String(index + 1),
            !slot.bypass && band.on !== false,
          ),
        );
      });
    } else if (names.has("low_hz") && names.has("high_hz") && /^band/.test(slot.kind || "")) {
      for (const edge of ["low_hz", "high_hz"]) {
        found.push({
          ...point(slot.slot, `${slot.slot} ${label(edge).toLowerCase()}`, { freq_hz: slot[edge] }, "", !slot.bypass),
          key: `${slot.slot}.${edge}`,
          paths: { freq_hz: `${slot.slot}.${edge}` },
        });
      }
    } else if (names.has("freq_hz")) found.push(point(slot.slot, slot.slot, slot, "", !slot.bypass));
  }
  return found;
}

function point(path, name, values, mark, on) {
  const gains = values.gain_db !== undefined && !WITHOUT_GAIN.has(values.kind);
  return {
    key: path,
    name,
    mark,
    on,
    freq_hz: values.freq_hz,
    gain_db: gains ? values.gain_db : null,
    q: values.q ?? null,
    paths: { freq_hz: `${path}.freq_hz`, gain_db: `${path}.gain_db`, q: `${path}.q` },
  };
}
