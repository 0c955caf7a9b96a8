'use strict';

// Bodies colored by how sure the network is of the joints that move them, with a legend.

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
function colorGeometry(geometry, std) {
  const table = [...Array(256).keys()].map((value) => stdColor(value).map(toLinear));
  const colors = Float32Array.from([...new Uint8Array(readBytes(std))].flatMap((value) => table[value]));
  geometry.setAttribute('color', new THREE.BufferAttribute(colors, 3));
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

  // Meshes of a view, in the order of the people.
  apply(meshes, people) {
    meshes.forEach(({material}, i) => {
      const colored = this.box.checked && people[i].std !== null;
      material.color.set(colored ? '#ffffff' : people[i].color);
      material.vertexColors = colored;
      material.needsUpdate = true;
    });
  }
}
