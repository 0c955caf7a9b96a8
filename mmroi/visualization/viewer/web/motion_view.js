'use strict';

// People of a video in motion: skinned meshes that the browser poses at any time.

const LONGEST_STEP = 0.25;  // seconds between two pictures while people move
const SEQUENCES = [...document.querySelectorAll('script.sequence')];

class MotionView extends OrbitView {
  constructor(onTime) {
    super(document.getElementById('motion'));
    this.play = document.getElementById('play');
    this.slider = document.getElementById('time');
    this.chooser = document.getElementById('sequence');
    this.speed = document.getElementById('speed');
    this.actors = new THREE.Group();
    this.surroundings = new THREE.Group();
    this.onTime = onTime;
    this.scene.add(this.actors, this.surroundings);
    if (!this.renderer) return;
    document.getElementById('motion-card').hidden = false;
    this.chooser.append(...SEQUENCES.map(({dataset}, i) => new Option(dataset.name, i)));
    this.chooser.hidden = SEQUENCES.length === 1;
    this.chooser.addEventListener('change', () => {
      this.select(this.chooser.selectedIndex);
      this.move(this.start);
    });
    this.play.addEventListener('click', () => this.toggle());
    this.slider.addEventListener('input', () => {
      this.pause();
      this.move(Number(this.slider.value));
    });
    this.select(0);
  }

  select(number) {
    this.pause();
    this.number = number;
    this.chooser.selectedIndex = number;
    const sequence = readJson(SEQUENCES[number]);
    const clips = sequence.clips.map((clip) => this.load(clip));
    this.actors.children.forEach(dispose);
    this.actors.clear();
    this.clips = clips;
    this.actors.add(...clips.map(({model}) => model));
    this.start = Math.min(...clips.map(({start}) => start));
    this.end = Math.max(...clips.map(({end}) => end));
    Object.assign(this.slider, {min: this.start, max: this.end, step: 1 / sequence.fps});
    this.addSurroundings();
    this.fitted = true;
    this.resize();
    this.show(this.start);
  }

  load({color, start, end, glb}) {
    const {model, body, animation} = readGlb(readBytes(glb), bodyMaterial(color));
    const mixer = new THREE.AnimationMixer(model);
    const action = mixer.clipAction(animation);
    action.play();
    const {geometry: {boundingBox: rest}, skeleton: {bones: [root]}} = body;
    const [low, high] = [rest.min.y - root.position.y, rest.max.y - root.position.y];
    const path = animation.tracks.find(({name}) => name.endsWith('.position')).values;
    return {model, body, mixer, action, path, low, high, start, end};
  }

  // As much room around the paths of the roots as standing people need.
  addSurroundings() {
    dispose(this.surroundings);
    this.bounds = new THREE.Box3();
    for (const {path, low, high} of this.clips) {
      for (let i = 0; i < path.length; i += 3) {
        for (const [side, rise] of [[-0.4, low], [0.4, high]]) {
          this.bounds.expandByPoint(new THREE.Vector3(path[i] + side, path[i + 1] + rise, path[i + 2] + side));
        }
      }
    }
    this.surroundings.add(this.makeGround(this.bounds));
  }

  // To the time of an image.
  goTo(video, time) {
    const number = SEQUENCES.findIndex(({dataset}) => dataset.name === video);
    if (number < 0 || !this.clips) return;
    if (number === this.number) this.pause();
    else this.select(number);
    this.show(time);
  }

  move(time) {
    this.show(time);
    this.onTime(SEQUENCES[this.number].dataset.name, time);
  }

  show(time) {
    this.time = time;
    for (const {model, mixer, action, start, end} of this.clips) {
      model.visible = time >= start - 1e-4 && time <= end + 1e-4;
      action.time = Math.min(Math.max(time, start), end);
      mixer.update(0);
    }
    this.slider.value = time;
    document.getElementById('clock').textContent = `${time.toFixed(2)} / ${this.end.toFixed(2)} s`;
    this.render();
  }

  toggle() {
    if (this.playing) return this.pause();
    if (!this.clips) return;
    if (this.time >= this.end) this.move(this.start);
    this.playing = true;
    this.play.textContent = '❚❚';
    this.play.setAttribute('aria-label', 'Pause');
    let last = performance.now();
    const step = (now) => {
      if (!this.playing) return;
      // A hidden page draws nothing: it goes on where it was.
      const passed = Math.min(Math.max(0, now - last) / 1000, LONGEST_STEP);
      const time = this.time + Number(this.speed.value) * passed;
      last = now;
      this.move(Math.min(time, this.end));
      if (time >= this.end) this.pause();
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  pause() {
    this.playing = false;
    this.play.textContent = '▶';
    this.play.setAttribute('aria-label', 'Play');
  }

  leaveLook() {
    this.fitted = false;
  }

  resize() {
    this.draw();  // sets the aspect
    if (!this.fitted || !this.clips) return;
    const {min, max} = this.bounds;
    const corners = [min, max].flatMap(({x}) => [min, max].flatMap(
      ({y}) => [min, max].map(({z}) => new THREE.Vector3(x, y, z))));
    this.fit(corners, new THREE.Vector3(...OBLIQUE).normalize());
  }
}
