'use strict';

// The page: which frame and which person are shown, and what plays.

const SLIDE_SECONDS = 1;  // for which an image that is of no video is shown

const byId = (id) => document.getElementById(id);

class Viewer {
  constructor() {
    this.chooser = byId('frame');
    this.people = byId('people');
    this.player = new Player([byId('play-frames'), byId('play')]);
    const pick = (index) => this.selectPerson(index);
    this.photo = new PhotoView(pick);
    this.space = new SpaceView(pick);
    this.uncertainty = new Uncertainty(() => {
      this.recolor();
      this.motion?.show(this.motion.time);
    });
    if (SEQUENCES.length) {
      this.motion = new MotionView(this.player, this.uncertainty, (video, time) => this.follow(video, time));
    }
    if (!this.space.onGpu) this.explainDrawing();
    this.chooser.append(...FRAMES.map(({dataset}, i) => new Option(dataset.name, i)));
    this.chooser.addEventListener('change', () => this.goTo(this.chooser.selectedIndex));
    this.previous = byId('previous');
    this.next = byId('next');
    this.previous.addEventListener('click', () => this.goTo(this.number - 1));
    this.next.addEventListener('click', () => this.goTo(this.number + 1));
    byId('play-frames').addEventListener('click', () => this.play());
    byId('play-frames').hidden = FRAMES.length === 1 && !this.motion;
    for (const control of [this.previous, this.next, byId('count')]) control.hidden = FRAMES.length === 1;
    byId('save-glb').addEventListener('click', () => this.save('glb', encodeGlb));
    byId('save-obj').addEventListener('click', () => this.save('obj', encodeObj));
    document.addEventListener('keydown', (event) => this.press(event));
    this.selectFrame(0);
  }

  explainDrawing() {
    byId('notice').textContent =
      'This browser offers no WebGL: the meshes are drawn without it, more slowly, and the image is not shown in space.';
    byId('notice').hidden = false;
    byId('show-photo').closest('label').hidden = true;
  }

  // Keys that no control of the page wants.
  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.defaultPrevented) return;
    const isFor = (controls) => event.target.closest(controls) !== null;
    const step = FRAMES.length > 1 ? {ArrowLeft: -1, ArrowRight: 1}[event.key] : undefined;
    const plays = event.key === ' ' && !byId('play-frames').hidden;
    if (step && !isFor('input:not([type=checkbox]), select, [tabindex]')) this.goTo(this.number + step);
    else if (plays && !isFor('input, select, button, summary')) this.play();
    else return;
    event.preventDefault();
  }

  // Moving people where the video has them, else its images.
  play() {
    const moving = this.motion?.find(this.frame.video);
    if (moving >= 0 && moving === this.motion.number) return this.motion.toggle();
    if (!this.player.playing && this.number === FRAMES.length - 1) this.selectFrame(0);
    let waited = 0;
    this.player.toggle((seconds) => {
      waited += seconds;
      if (this.number < FRAMES.length - 1 && waited >= this.secondsToNext()) {
        waited = 0;
        this.selectFrame(this.number + 1);
      }
      return this.number < FRAMES.length - 1;
    });
  }

  secondsToNext() {
    const [now, next] = [FRAMES[this.number], FRAMES[this.number + 1]].map(({dataset}) => dataset);
    return now.video && now.video === next.video ? Number(next.time) - Number(now.time) : SLIDE_SECONDS;
  }

  // While people move, the image nearest in time is shown; while images change, people stand as at their time.
  follow(video, time) {
    const frames = FRAMES.map(({dataset}, i) => ({...dataset, i})).filter((frame) => frame.video === video);
    if (!frames.length) return;
    const distance = (frame) => Math.abs(Number(frame.time) - time);
    const {i} = frames.reduce((best, frame) => distance(frame) < distance(best) ? frame : best);
    if (i !== this.number) this.selectFrame(i, false);
  }

  // As the user wants.
  goTo(number) {
    this.player.pause();
    if (number >= 0 && number < FRAMES.length) this.selectFrame(number);
  }

  selectFrame(number, moves = true) {
    const id = this.person?.id;
    this.frame?.people.forEach(({geometry}) => geometry.dispose());
    this.number = number;
    this.frame = readFrame(number);
    document.title = `${this.frame.name} – mmroi`;
    this.chooser.selectedIndex = number;
    this.previous.disabled = number === 0;
    this.next.disabled = number === FRAMES.length - 1;
    byId('count').textContent = `${number + 1} / ${FRAMES.length}`;
    for (const button of [byId('save-glb'), byId('save-obj')]) button.disabled = !this.frame.people.length;
    this.photo.show(this.frame);
    this.space.show(this.frame);
    this.uncertainty.show(this.frame);
    this.recolor();
    this.people.replaceChildren(...this.frame.people.map((person, index) => this.chip(person, index)));
    if (moves && this.frame.video !== null) this.motion?.goTo(this.frame.video, this.frame.time);
    this.selectPerson(Math.max(0, this.frame.people.findIndex((person) => person.id === id)));
  }

  recolor() {
    for (const view of [this.photo, this.space]) {
      this.uncertainty.apply(view.bodies.children, this.frame.people);
      view.render();
    }
  }

  chip(person, index) {
    const input = element('input', {type: 'radio', name: 'person', value: index});
    input.addEventListener('change', () => this.selectPerson(index));
    const chip = element('label', {}, input, element('span', {}, `Person ${person.id}`));
    chip.style.setProperty('--color', person.color);
    return chip;
  }

  selectPerson(index) {
    this.person = this.frame.people[index];
    if (this.person) this.people.querySelectorAll('input')[index].checked = true;
    this.showChip(this.people.children[index]);
    showFigures(this.frame, this.person);
    this.photo.select(this.person);
    this.space.select(this.person);
  }

  // Scrolls the row of the people, not the page.
  showChip(chip) {
    if (!chip) return;
    const {offsetLeft: left, offsetWidth: width} = chip, {scrollLeft, clientWidth} = this.people;
    this.people.scrollLeft = Math.min(left, Math.max(scrollLeft, left + width - clientWidth));
  }

  save(suffix, encode) {
    saveFile(`${this.frame.name}.${suffix}`, encode(this.frame.people));
  }
}

const viewer = new Viewer();
