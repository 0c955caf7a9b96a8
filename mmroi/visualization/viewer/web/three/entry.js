// What the viewer uses of three.js; esbuild leaves out the rest. README.md beside this file has the command.
export {
  AnimationClip, AnimationMixer, Bone, Box3, BufferAttribute, BufferGeometry, Camera, DirectionalLight, GridHelper,
  Group, HemisphereLight, LineBasicMaterial, LineSegments, Matrix4, Mesh, MeshBasicMaterial, MeshPhongMaterial,
  PerspectiveCamera, PlaneGeometry, QuaternionKeyframeTrack, Raycaster, Scene, Skeleton, SkinnedMesh, SphereGeometry,
  SRGBColorSpace, Texture, Vector2, Vector3, VectorKeyframeTrack, WebGLRenderer,
} from 'three';
export { OrbitControls } from 'three/examples/jsm/controls/OrbitControls.js';
