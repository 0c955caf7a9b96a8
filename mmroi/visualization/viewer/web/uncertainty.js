'use strict';

// Bodies, still and moving, colored by how sure the network is of the joints that move them, with a legend.

const STD_LIMIT = 150;  // millimeters; what is less sure has the last color
const STD_COLORS = [[44, 123, 182], [171, 217, 233], [255, 255, 191], [253, 174, 97], [215, 25, 28]];

function stdColor(millimeters) {
  const place = Math.min(millimeters / STD_LIMIT, 1) * (STD_COLORS.length - 1);
  const i = Math.min(Math.floor(place), STD_COLORS.length - 2);
  return STD_COLORS[i].map((low, channel) => low + (place - i) * (STD_COLORS[i + 1][channel] - low));
}

// From sRGB, 0 to 255, to the linear light of vertex colors in three.js.
const toLinear = (value) => value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4;

// Sets the colors of vertices, which materials show where the user asks for them.
const STD_TABLE = [...Array(256).keys()].map((value) => stdColor(value).map(toLinear));

function colorGeometry(geometry, std) {
  const {count} = geometry.attributes.position;
  if (!geometry.attributes.color) {
    geometry.setAttribute('color', new THREE.BufferAttribute(new Float32Array(3 * count), 3));
  }
  const colors = geometry.attributes.color;
  for (let i = 0; i < count; i++) colors.array.set(STD_TABLE[std[i]], 3 * i);
  colors.needsUpdate = true;
}

// Deviations of the vertices of a moving person, as the joints that move them are unsure at the nearest key.
function skinStd({body, std, start, end}, time) {
  const {skinIndex, skinWeight} = body.geometry.attributes;
  const joints = body.skeleton.bones.length, keys = std.length / joints;
  const key = end > start ? Math.round((time - start) / (end - start) * (keys - 1)) : 0;
  const now = std.subarray(key * joints, (key + 1) * joints);
  return Uint8Array.from({length: skinIndex.count}, (_, i) => {
    let sum = 0;
    for (let k = 0; k < 4; k++) sum += skinWeight.getComponent(i, k) * now[skinIndex.getComponent(i, k)];
    return Math.round(sum);
  });
}

// The checkbox and the legend, which are there if the network of the frame says how sure it is.
class Uncertainty {
  constructor(onChange) {
    this.controls = document.getElementById('uncertainty');
    this.box = document.getElementById('show-uncertainty');
    this.box.addEventListener('change', onChange);
    const stops = STD_COLORS.map((color) => `rgb(${color.join(' ')})`).join(', ');
    document.getElementById('std-scale').style.setProperty('background', `linear-gradient(to right, ${stops})`);
    document.getElementById('std-limit').textContent = `${STD_LIMIT} mm`;
  }

  show(frame) {
    this.controls.hidden = !frame.people.some(({std}) => std !== null);
  }

  // Meshes of a view, in the order of the people, whose geometries have colors.
  apply(meshes, people) {
    meshes.forEach(({material}, i) => this.paint(material, people[i]));
  }

  applyToClip(clip, time) {
    this.paint(clip.body.material, clip);
    if (clip.body.material.vertexColors) colorGeometry(clip.body.geometry, skinStd(clip, time));
  }

  paint(material, {color, std}) {
    const colored = this.box.checked && std !== null;
    material.color.set(colored ? '#ffffff' : color);
    material.needsUpdate = material.vertexColors !== colored;
    material.vertexColors = colored;
  }
}
