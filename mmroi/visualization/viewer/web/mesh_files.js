'use strict';

// Files of the people of an image, made in the page: one mesh for each, meters, y up, camera at the origin.

const GLB_HEADER = 12, GLB_CHUNK = 8;  // bytes
const GLTF = {FLOAT: 5126, UNSIGNED_INT: 5125, ARRAY_BUFFER: 34962, ELEMENT_ARRAY_BUFFER: 34963};

const meshName = ({id}) => `person_${id}`;

// glTF 2.0, binary: one node, mesh and material for each person.
function encodeGlb(people) {
  const arrays = [], accessors = [], bufferViews = [];
  let length = 0;
  const add = (array, type, componentType, target, bounds = {}) => {
    const size = {SCALAR: 1, VEC3: 3}[type];
    bufferViews.push({buffer: 0, byteOffset: length, byteLength: array.byteLength, target});
    accessors.push({bufferView: arrays.length, componentType, count: array.length / size, type, ...bounds});
    arrays.push(array);
    length += array.byteLength;  // whole numbers of 4 bytes
    return arrays.length - 1;
  };
  const meshes = people.map((person, material) => {
    const {geometry: {attributes: {position, normal}, index, boundingBox: {min, max}}} = person;
    const points = [GLTF.FLOAT, GLTF.ARRAY_BUFFER];
    return {name: meshName(person), primitives: [{
      attributes: {
        POSITION: add(position.array, 'VEC3', ...points, {min: min.toArray(), max: max.toArray()}),
        NORMAL: add(normal.array, 'VEC3', ...points),
      },
      indices: add(Uint32Array.from(index.array), 'SCALAR', GLTF.UNSIGNED_INT, GLTF.ELEMENT_ARRAY_BUFFER),
      material,
    }]};
  });
  const materials = people.map(({color}) => ({pbrMetallicRoughness: {
    baseColorFactor: [...new THREE.MeshBasicMaterial({color}).color.toArray(), 1], metallicFactor: 0, roughnessFactor: 0.7,
  }}));
  const gltf = {
    asset: {version: '2.0', generator: 'mmroi viewer'},
    scene: 0,
    scenes: [{nodes: people.map((_, i) => i)}],
    nodes: people.map((person, mesh) => ({name: meshName(person), mesh})),
    meshes, materials, accessors, bufferViews, buffers: [{byteLength: length}],
  };
  const json = new TextEncoder().encode(JSON.stringify(gltf));
  const padding = new Uint8Array(-json.length & 3).fill(0x20);
  const jsonLength = json.length + padding.length;
  const uint32 = (...values) => new Uint32Array(values);  // little-endian, as all machines with browsers
  return new Blob([
    uint32(0x46546c67, 2, GLB_HEADER + 2 * GLB_CHUNK + jsonLength + length),
    uint32(jsonLength, 0x4e4f534a), json, padding,
    uint32(length, 0x004e4942), ...arrays,
  ], {type: 'model/gltf-binary'});
}

function encodeObj(people) {
  const lines = ['# meters, y up, camera at the origin'];
  let first = 1;
  for (const person of people) {
    const {attributes: {position: {array, count}}, index: {array: faces}} = person.geometry;
    lines.push(`o ${meshName(person)}`);
    for (let i = 0; i < array.length; i += 3) {
      lines.push(`v ${array[i].toFixed(6)} ${array[i + 1].toFixed(6)} ${array[i + 2].toFixed(6)}`);
    }
    for (let i = 0; i < faces.length; i += 3) {
      lines.push(`f ${faces[i] + first} ${faces[i + 1] + first} ${faces[i + 2] + first}`);
    }
    first += count;
  }
  return new Blob([lines.join('\n'), '\n'], {type: 'model/obj'});
}

function saveFile(name, blob) {
  const link = element('a', {href: URL.createObjectURL(blob), download: name.replaceAll(/[\\/]/g, '_')});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);  // the browser reads it in its own time
}
