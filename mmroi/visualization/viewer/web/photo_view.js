'use strict';

// Meshes on the image, seen by the full camera: they lie where the camera projects them, to the subpixel.

class PhotoView {
  constructor(onPick) {
    this.stage = document.getElementById('stage');
    this.photo = document.getElementById('photo');
    this.canvas = document.getElementById('overlay');
    this.rois = document.getElementById('rois');
    this.divider = document.getElementById('divider');
    this.slider = document.getElementById('slider');
    this.modes = [...document.getElementsByName('mode')];
    this.showRois = document.getElementById('show-rois');
    this.scene = new THREE.Scene();
    this.bodies = new THREE.Group();
    this.camera = new THREE.Camera();
    addLights(this.camera);
    this.scene.add(this.bodies, this.camera);
    this.onPick = onPick;
    this.render = oncePerPicture(() => this.draw());
    this.slider.addEventListener('input', () => this.reveal());
    this.modes.forEach((mode) => mode.addEventListener('change', () => this.reveal()));
    this.showRois.addEventListener('change', () => this.rois.toggleAttribute('hidden', !this.showRois.checked));
    this.listenToDivider();
    this.stage.addEventListener('click', (event) => this.pick(event));
    this.reveal();
    this.renderer = makeRenderer(this.canvas);
    new ResizeObserver(() => this.render()).observe(this.stage);
  }

  show(frame) {
    this.frame = frame;
    const [width, height] = frame.size;
    document.documentElement.style.setProperty('--aspect', width / height);
    this.photo.src = frame.photo;
    this.photo.alt = `Image ${frame.name}`;
    this.rois.setAttribute('viewBox', `-0.5 -0.5 ${width} ${height}`);
    this.bodies.children.forEach((body) => body.material.dispose());
    this.bodies.clear();
    for (const person of frame.people) {
      this.bodies.add(new THREE.Mesh(person.geometry, bodyMaterial(person.color)));
    }
    this.setCamera();
    this.render();
  }

  // The image's pinhole. Pixel centers lie at integers, so the picture reaches from -0.5 to width - 0.5.
  setCamera() {
    const {size: [width, height], focalLength, principalPoint: [x, y], people} = this.frame;
    const depths = people.map(({geometry: {boundingBox}}) => [-boundingBox.max.z, -boundingBox.min.z]).flat();
    const near = Math.max(0.05, 0.9 * Math.min(...depths, 1));
    const far = 1.1 * Math.max(...depths, 2 * near);
    const scale = near / focalLength;
    this.camera.projectionMatrix.makePerspective(
      -(x + 0.5) * scale, (width - 0.5 - x) * scale, (y + 0.5) * scale, -(height - 0.5 - y) * scale, near, far);
    this.camera.projectionMatrixInverse.copy(this.camera.projectionMatrix).invert();
  }

  select(person) {
    this.rois.replaceChildren(...(person?.boxes ?? []).map(([x, y, side], roi) => {
      const box = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
      const [centerX, centerY] = this.frame.principalPoint;
      box.setAttribute('x', centerX + x - side * this.frame.aspect / 2);
      box.setAttribute('y', centerY + y - side / 2);
      box.setAttribute('width', side * this.frame.aspect);
      box.setAttribute('height', side);
      box.setAttribute('stroke', person.color);
      box.classList.toggle('base', roi === 0);
      return box;
    }));
  }

  reveal() {
    const wipe = this.modes.find((mode) => mode.checked).value === 'wipe';
    const percent = Number(this.slider.value);
    this.canvas.style.clipPath = wipe ? `inset(0 ${100 - percent}% 0 0)` : 'none';
    this.canvas.style.opacity = wipe ? 1 : percent / 100;
    this.divider.hidden = !wipe;
    this.divider.style.left = `${percent}%`;
  }

  listenToDivider() {
    this.divider.addEventListener('pointerdown', (event) => {
      this.divider.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    this.divider.addEventListener('pointermove', (event) => {
      if (!this.divider.hasPointerCapture(event.pointerId)) return;
      const {left, width} = this.stage.getBoundingClientRect();
      this.slider.value = 100 * (event.clientX - left) / width;
      this.reveal();
    });
  }

  pick(event) {
    if (!this.frame || event.target === this.divider) return;
    const {left, top, width, height} = this.stage.getBoundingClientRect();
    const {size, focalLength, principalPoint} = this.frame;
    const x = (event.clientX - left) / width * size[0] - 0.5 - principalPoint[0];
    const y = (event.clientY - top) / height * size[1] - 0.5 - principalPoint[1];
    const ray = new THREE.Raycaster(new THREE.Vector3(), toScene([x, y, focalLength]).normalize());
    const [hit] = ray.intersectObjects(this.bodies.children);
    if (hit) this.onPick(this.bodies.children.indexOf(hit.object));
  }

  draw() {
    if (!this.frame) return;
    this.renderer.setSize(this.stage.clientWidth, this.stage.clientHeight, false);
    this.renderer.render(this.scene, this.camera);
  }
}
