'use strict';

// People of a video in motion: skinned meshes that the browser poses at any time.

const SEQUENCES = [...document.querySelectorAll('script.sequence')];

class MotionView extends OrbitView {
  constructor(player, uncertainty, onTime) {
    super(document.getElementById('motion'));
    this.player = player;
    this.uncertainty = uncertainty;
    this.slider = document.getElementById('time');
    this.chooser = document.getElementById('sequence');
    this.speed = document.getElementById('speed');
    this.actors = new THREE.Group();
    this.surroundings = new THREE.Group();
    this.onTime = onTime;
    this.scene.add(this.actors, this.surroundings);
    document.getElementById('motion-card').hidden = false;
    this.chooser.append(...SEQUENCES.map(({dataset}, i) => new Option(dataset.name, i)));
    this.chooser.hidden = SEQUENCES.length === 1;
    this.chooser.addEventListener('change', () => {
      this.select(this.chooser.selectedIndex);
      this.move(this.start);
    });
    document.getElementById('play').addEventListener('click', () => this.toggle());
    this.slider.addEventListener('input', () => {
      this.player.pause();
      this.move(Number(this.slider.value));
    });
    this.select(0);
  }

  select(number) {
    this.player.pause();
    this.number = number;
    this.chooser.selectedIndex = number;
    const sequence = readJson(SEQUENCES[number]);
    const clips = sequence.clips.map(({glb, std, ...clip}) => (
      {...clip, std: std && new Uint8Array(readBytes(std)), ...this.load(glb, clip.color)}));
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

  load(glb, color) {
    const {model, body, animation} = readGlb(readBytes(glb), bodyMaterial(color));
    const mixer = new THREE.AnimationMixer(model);
    const action = mixer.clipAction(animation);
    action.play();
    const {geometry: {boundingBox: rest}, skeleton: {bones: [root]}} = body;
    const [low, high] = [rest.min.y - root.position.y, rest.max.y - root.position.y];
    const path = animation.tracks.find(({name}) => name.endsWith('.position')).values;
    return {model, body, mixer, action, path, low, high};
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

  // Number of the video, -1 without moving people.
  find(video) {
    return SEQUENCES.findIndex(({dataset}) => dataset.name === video);
  }

  // To the time of an image.
  goTo(video, time) {
    const number = this.find(video);
    if (number < 0) return;
    if (number !== this.number) this.select(number);
    this.show(time);
  }

  move(time) {
    this.show(time);
    this.onTime(SEQUENCES[this.number].dataset.name, time);
  }

  show(time) {
    this.time = time;
    for (const clip of this.clips) {
      const {model, mixer, action, start, end} = clip;
      model.visible = time >= start - 1e-4 && time <= end + 1e-4;
      action.time = Math.min(Math.max(time, start), end);
      mixer.update(0);
      this.uncertainty.applyToClip(clip, action.time);
    }
    this.slider.value = time;
    document.getElementById('clock').textContent = `${time.toFixed(2)} / ${this.end.toFixed(2)} s`;
    this.render();
  }

  toggle() {
    if (!this.player.playing && this.time >= this.end) this.move(this.start);
    this.player.toggle((passed) => {
      const time = this.time + Number(this.speed.value) * passed;
      this.move(Math.min(time, this.end));
      return time < this.end;
    });
  }

  leaveLook() {
    this.fitted = false;
  }

  resize() {
    this.draw();  // sets the aspect
    if (!this.fitted) return;
    const {min, max} = this.bounds;
    const corners = [min, max].flatMap(({x}) => [min, max].flatMap(
      ({y}) => [min, max].map(({z}) => new THREE.Vector3(x, y, z))));
    this.fit(corners, new THREE.Vector3(...OBLIQUE).normalize());
  }
}
