'use strict';

// A scene that is turned by mouse, fingers and keys.

const ORBIT_KEYS = {
  ArrowLeft: (controls) => controls.rotateLeft(0.12),
  ArrowRight: (controls) => controls.rotateLeft(-0.12),
  ArrowUp: (controls) => controls.rotateUp(0.08),
  ArrowDown: (controls) => controls.rotateUp(-0.08),
  '+': (controls) => controls.dollyIn(1.1),
  '=': (controls) => controls.dollyIn(1.1),
  '-': (controls) => controls.dollyOut(1.1),
};

const FIELD_OF_VIEW = 35;  // degrees; that of the image when looking through its camera
const NEAR = 0.01;
const OBLIQUE = [0.9, 0.42, 0.8];

class OrbitView {
  constructor(canvas) {
    this.canvas = canvas;
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(FIELD_OF_VIEW, 1, NEAR, 1000);
    addLights(this.camera);
    this.scene.add(this.camera);
    this.render = oncePerPicture(() => this.draw());
    this.renderer = makeRenderer(canvas);
    this.onGpu = !(this.renderer instanceof SoftwareRenderer);
    this.controls = new THREE.OrbitControls(this.camera, canvas);
    this.controls.addEventListener('change', () => this.render());
    this.controls.addEventListener('start', () => this.leaveLook());
    canvas.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !ORBIT_KEYS[event.key]) return;
      ORBIT_KEYS[event.key](this.controls);
      this.leaveLook();
      event.preventDefault();
    });
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  // Puts the camera as near as it can be with all points in its view.
  fit(points, direction) {
    const {target} = this.controls;
    new THREE.Box3().setFromPoints(points).getCenter(target);
    Object.assign(this.camera, {fov: FIELD_OF_VIEW, near: NEAR});
    this.camera.position.copy(target).add(direction);
    this.camera.lookAt(target);
    const turn = this.camera.quaternion.clone().invert();
    const slope = 0.88 * Math.tan(this.camera.fov / 2 * Math.PI / 180);
    const distance = Math.max(0.4, ...points.map((point) => {
      const {x, y, z} = point.clone().sub(target).applyQuaternion(turn);
      return z + Math.max(Math.abs(y), Math.abs(x) / this.camera.aspect) / slope;
    }));
    this.camera.position.copy(target).addScaledVector(direction, distance);
    this.controls.update();
    this.render();
  }

  // A grid of 1 m at the lowest point of a box, around all of it.
  makeGround({min, max}) {
    const length = Math.ceil(Math.max(max.x - min.x, max.z - min.z, 2) + 1);
    const grid = new THREE.GridHelper(length, length, 0x9a9a9a, 0x9a9a9a);
    Object.assign(grid.material, {transparent: true, opacity: 0.55});
    grid.position.set((min.x + max.x) / 2, min.y, (min.z + max.z) / 2);
    return grid;
  }

  draw() {
    const {clientWidth: width, clientHeight: height} = this.canvas;
    if (!width || !height) return;
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.renderer.setSize(width, height, false);
    this.renderer.render(this.scene, this.camera);
  }
}
