// What the viewer uses of three.js; esbuild leaves out the rest. README.md beside this file has the command.
export {
  Box3, BufferAttribute, BufferGeometry, Camera, DirectionalLight, GridHelper, Group, HemisphereLight,
  LineBasicMaterial, LineSegments, Mesh, MeshBasicMaterial, MeshPhongMaterial, PerspectiveCamera, PlaneGeometry,
  Raycaster, Scene, SphereGeometry, SRGBColorSpace, Texture, Vector2, Vector3, WebGLRenderer,
} from 'three';
export { OrbitControls } from 'three/examples/jsm/controls/OrbitControls.js';
