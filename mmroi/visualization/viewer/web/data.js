'use strict';

// Reads what the page carries: one script element for each frame and for each set of faces.

const FRAMES = [...document.querySelectorAll('script.frame')];

const readJson = (element) => JSON.parse(element.textContent);

const readBytes = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer;

// OpenCV's camera frame (x right, y down, z forward) in the axes of three.js (x right, y up, z towards the viewer).
const toScene = ([x, y, z]) => new THREE.Vector3(x, -y, -z);

const readFaces = (() => {
  const known = new Map();
  return (number) => {
    if (!known.has(number)) {
      const faces = readJson(document.querySelectorAll('script.faces')[number]);
      const Numbers = faces.bits === 16 ? Uint16Array : Uint32Array;
      known.set(number, new THREE.BufferAttribute(new Numbers(readBytes(faces.data)), 1));
    }
    return known.get(number);
  };
})();

function readGeometry({low, step, data}, faces) {
  const numbers = new Uint16Array(readBytes(data));
  const points = Float32Array.from(numbers, (value, i) => (low[i % 3] + step[i % 3] * value) * (i % 3 ? -1 : 1));
  const geometry = new THREE.BufferGeometry();
  geometry.setAttribute('position', new THREE.BufferAttribute(points, 3));
  geometry.setIndex(faces);
  geometry.computeVertexNormals();
  geometry.computeBoundingBox();
  return geometry;
}

function readFrame(number) {
  const frame = readJson(FRAMES[number]);
  const faces = readFaces(frame.topology);
  for (const person of frame.people) {
    person.geometry = readGeometry(person.mesh, faces);
    if (person.std !== null) colorGeometry(person.geometry, new Uint8Array(readBytes(person.std)));
  }
  return frame;
}

// The same look in both views: a key and a fill light at the viewer's shoulders, as in the package's own pictures.
function addLights(camera) {
  for (const [x, y, z, strength] of [[-0.45, 0.65, 0.62, 1.9], [0.75, 0.1, 0.65, 0.6]]) {
    const light = new THREE.DirectionalLight(0xffffff, strength);
    light.position.set(x, y, z);
    camera.add(light, light.target);
  }
  camera.add(new THREE.HemisphereLight(0xffffff, 0x666666, 1.1));
}

const bodyMaterial = (color) => new THREE.MeshPhongMaterial({color, specular: 0x2a2a2a, shininess: 24});

// WebGL's, else one of our own.
function makeRenderer(canvas) {
  const context = canvas.getContext('webgl2', {alpha: true, antialias: true});
  if (!context) return new SoftwareRenderer(canvas);
  const renderer = new THREE.WebGLRenderer({canvas, context, alpha: true, antialias: true});
  renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
  return renderer;
}

// However often it is called, it draws once for each picture of the screen.
function oncePerPicture(draw) {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      draw();
    });
  };
}

function dispose(object) {
  object.traverse(({geometry, material}) => {
    geometry?.dispose();
    material?.map?.dispose();
    material?.dispose();
  });
  object.clear();
}
