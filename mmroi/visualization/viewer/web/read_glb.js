'use strict';

// Reads the GLB files that the package writes: one skinned mesh, one animation of its bones.

const COMPONENTS = {5121: Uint8Array, 5123: Uint16Array, 5126: Float32Array};
const ITEM_SIZES = {SCALAR: 1, VEC3: 3, VEC4: 4, MAT4: 16};

function readGlb(buffer, material) {
  const header = new DataView(buffer);
  const length = header.getUint32(12, true);
  const gltf = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 20, length)));
  const attribute = (number) => {
    const {bufferView, componentType, count, type, normalized} = gltf.accessors[number];
    const size = ITEM_SIZES[type], start = 28 + length + gltf.bufferViews[bufferView].byteOffset;
    return new THREE.BufferAttribute(new COMPONENTS[componentType](buffer, start, count * size), size, normalized);
  };
  const nodes = gltf.nodes.map(({name, translation = [0, 0, 0]}) => {
    const bone = new THREE.Bone();
    bone.name = name;
    bone.position.fromArray(translation);
    return bone;
  });
  gltf.nodes.forEach(({children = []}, i) => children.forEach((child) => nodes[i].add(nodes[child])));
  const {attributes, indices} = gltf.meshes[0].primitives[0];
  const geometry = new THREE.BufferGeometry();
  const names = {POSITION: 'position', NORMAL: 'normal', JOINTS_0: 'skinIndex', WEIGHTS_0: 'skinWeight'};
  for (const [key, name] of Object.entries(names)) geometry.setAttribute(name, attribute(attributes[key]));
  geometry.setIndex(attribute(indices));
  geometry.computeBoundingBox();
  const [{joints, inverseBindMatrices}] = gltf.skins;
  const matrices = attribute(inverseBindMatrices).array;
  const inverses = joints.map((_, i) => new THREE.Matrix4().fromArray(matrices, 16 * i));
  const body = new THREE.SkinnedMesh(geometry, material);
  body.frustumCulled = false;  // its bounds are those of the rest pose
  body.bind(new THREE.Skeleton(joints.map((joint) => nodes[joint]), inverses), new THREE.Matrix4());
  const model = new THREE.Group();
  model.add(nodes[0], body);
  const [{channels, samplers}] = gltf.animations;
  const tracks = channels.map(({sampler, target: {node, path}}) => {
    const [times, values] = [samplers[sampler].input, samplers[sampler].output].map((key) => attribute(key).array);
    return path === 'translation'
      ? new THREE.VectorKeyframeTrack(`${nodes[node].name}.position`, times, values)
      : new THREE.QuaternionKeyframeTrack(`${nodes[node].name}.quaternion`, times, values);
  });
  return {model, body, animation: new THREE.AnimationClip('', -1, tracks)};
}
