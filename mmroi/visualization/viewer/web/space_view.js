'use strict';

// Meshes, ground and cameras in space, turned by mouse, fingers and keys.

const CAMERA_REACH = 2;  // sizes of the group: views of the people also show a camera that is not farther away

class SpaceView extends OrbitView {
  constructor(onPick) {
    super(document.getElementById('space'));
    this.showCameras = document.getElementById('show-cameras');
    this.showPhoto = document.getElementById('show-photo');
    this.looks = document.querySelectorAll('[data-look]');
    this.bodies = new THREE.Group();
    this.surroundings = new THREE.Group();
    this.cameras = new THREE.Group();
    this.currentLook = 'oblique';
    this.scene.add(this.bodies, this.surroundings, this.cameras);
    this.onPick = onPick;
    for (const box of [this.showCameras, this.showPhoto]) box.addEventListener('change', () => this.render());
    this.looks.forEach((button) => button.addEventListener('click', () => this.look(button.dataset.look)));
    this.listenToPicks();
  }

  // Fitted views fit again in another size and for another frame; a view that someone has turned stays.
  resize() {
    this.render();
    if (this.currentLook) this.look(this.currentLook);
  }

  leaveLook() {
    this.currentLook = null;
    this.camera.near = NEAR;
    this.looks.forEach((button) => button.setAttribute('aria-pressed', false));
  }

  show(frame) {
    this.frame = frame;
    this.bodies.children.forEach((body) => body.material.dispose());
    this.bodies.clear();
    dispose(this.surroundings);
    for (const person of frame.people) {
      this.bodies.add(new THREE.Mesh(person.geometry, bodyMaterial(person.color)));
    }
    this.bounds = new THREE.Box3().setFromObject(this.bodies);
    if (this.bounds.isEmpty()) this.bounds.set(toScene([-1, 1, 5]), toScene([1, -1, 3]));
    const around = this.bounds.clone();
    around.max.z = 0.5;  // up to the camera
    this.surroundings.add(this.makeGround(around));
    this.addPhoto();
  }

  // The image behind the people, where it covers what the camera at the origin sees, and that camera's edges.
  addPhoto() {
    const {size: [width, height], focalLength, principalPoint: [x, y], photo} = this.frame;
    const depth = -this.bounds.min.z + 0.3;
    const corner = (u, v) => toScene([(u - 0.5 - x) * depth / focalLength, (v - 0.5 - y) * depth / focalLength, depth]);
    const low = corner(0, height), high = corner(width, 0);
    const texture = new THREE.Texture();
    texture.colorSpace = THREE.SRGBColorSpace;
    const image = new Image();
    image.onload = () => {
      texture.image = image;
      texture.needsUpdate = true;
      this.render();
    };
    image.src = photo;
    this.backdrop = new THREE.Mesh(
      new THREE.PlaneGeometry(high.x - low.x, high.y - low.y), new THREE.MeshBasicMaterial({map: texture}));
    this.backdrop.position.addVectors(low, high).multiplyScalar(0.5);
    this.surroundings.add(this.backdrop);
  }

  select(person) {
    this.person = person;
    dispose(this.cameras);
    if (person) this.addCameras(person);
    this.resize();
  }

  // One pyramid from each RoI's camera through the RoI, and a ball at the camera: where RoIs agree the balls are one.
  addCameras(person) {
    const {focalLength, aspect} = this.frame;
    const depth = person.geometry.boundingBox.max.z * -0.5 - person.geometry.boundingBox.min.z * 0.5;
    person.positions.forEach((position, roi) => {
      const [x, y, side] = person.boxes[roi];
      const apex = toScene(position);
      const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([right, down]) => toScene([
        (x + right * side * aspect / 2) / focalLength, (y + down * side / 2) / focalLength, 1,
      ]).multiplyScalar(depth).add(apex));
      const points = corners.flatMap((corner, i) => [apex, corner, corner, corners[(i + 1) % 4]]);
      this.cameras.add(
        new THREE.LineSegments(
          new THREE.BufferGeometry().setFromPoints(points),
          new THREE.LineBasicMaterial({color: person.color, transparent: true, opacity: roi ? 0.45 : 1})),
        new THREE.Mesh(
          new THREE.SphereGeometry(0.012, 16, 12), new THREE.MeshBasicMaterial({color: person.color})));
      this.cameras.children.at(-1).position.copy(apex);
    });
  }

  look(name) {
    if (!this.frame) return;
    this.currentLook = name;
    this.looks.forEach((button) => button.setAttribute('aria-pressed', button.dataset.look === name));
    if (name === 'front') return this.lookThroughCamera();
    const origin = new THREE.Vector3();
    const people = this.bodies.children.flatMap(({geometry: {boundingBox: {min, max}}}) => [min, max].flatMap(
      ({x}) => [min, max].flatMap(({y}) => [min, max].map(({z}) => new THREE.Vector3(x, y, z)))));
    if (!people.length) people.push(this.bounds.min, this.bounds.max);
    const near = -this.bounds.max.z < CAMERA_REACH * this.bounds.min.distanceTo(this.bounds.max);
    const everything = near ? [...people, origin] : people;
    const [direction, points] = {
      oblique: [OBLIQUE, everything],
      side: [[1, 0, 0], everything],
      top: [[0, 1, 1e-4], everything],
      cameras: [[0.8, 0.45, 0.7], this.person ? this.person.positions.map(toScene) : [origin]],
    }[name];
    this.fit(points, new THREE.Vector3(...direction).normalize());
  }

  // From where the image was taken: bodies and backdrop coincide.
  lookThroughCamera() {
    const {width, height} = this.backdrop.geometry.parameters;
    const distance = this.backdrop.position.length();
    const slope = Math.max(height, width / this.camera.aspect) / 2 / distance;
    this.camera.fov = 2 * Math.atan(1.05 * slope) * 180 / Math.PI;
    this.camera.near = Math.max(NEAR, -0.9 * this.bounds.max.z);  // not the balls of the cameras right here
    this.camera.position.set(0, 0, 0);
    this.controls.target.copy(this.backdrop.position);
    this.controls.update();
    this.render();
  }

  listenToPicks() {
    let start = null;
    this.canvas.addEventListener('pointerdown', ({clientX, clientY}) => { start = [clientX, clientY]; });
    this.canvas.addEventListener('pointerup', ({clientX, clientY}) => {
      if (!start || Math.hypot(clientX - start[0], clientY - start[1]) > 4) return;
      const {left, top, width, height} = this.canvas.getBoundingClientRect();
      const point = new THREE.Vector2(2 * (clientX - left) / width - 1, 1 - 2 * (clientY - top) / height);
      const ray = new THREE.Raycaster();
      ray.setFromCamera(point, this.camera);
      const [hit] = ray.intersectObjects(this.bodies.children);
      if (hit) this.onPick(this.bodies.children.indexOf(hit.object));
    });
  }

  draw() {
    if (!this.frame) return;
    this.cameras.visible = this.showCameras.checked;
    this.backdrop.visible = this.showPhoto.checked;
    super.draw();
  }
}
