'use strict';

// The page: which frame and which person are shown.

class Viewer {
  constructor() {
    this.chooser = document.getElementById('frame');
    this.people = document.getElementById('people');
    const pick = (index) => this.selectPerson(index);
    this.photo = new PhotoView(pick);
    this.space = new SpaceView(pick);
    if (!this.space.renderer) this.notice('This browser offers no WebGL: image and numbers only, no meshes.');
    if (SEQUENCES.length) this.motion = new MotionView((video, time) => this.follow(video, time));
    this.uncertainty = new Uncertainty(() => this.recolor());
    this.chooser.append(...FRAMES.map(({dataset}, i) => new Option(dataset.name, i)));
    this.chooser.addEventListener('change', () => this.selectFrame(this.chooser.selectedIndex));
    this.previous = document.getElementById('previous');
    this.next = document.getElementById('next');
    this.previous.addEventListener('click', () => this.selectFrame(this.number - 1));
    this.next.addEventListener('click', () => this.selectFrame(this.number + 1));
    this.selectFrame(0);
  }

  notice(text) {
    const notice = document.getElementById('notice');
    notice.textContent = text;
    notice.hidden = false;
  }

  // While people move, the image nearest in time is shown; while images change, people stand as at their time.
  follow(video, time) {
    const frames = FRAMES.map(({dataset}, i) => ({...dataset, i})).filter((frame) => frame.video === video);
    if (!frames.length) return;
    const distance = (frame) => Math.abs(Number(frame.time) - time);
    const {i} = frames.reduce((best, frame) => distance(frame) < distance(best) ? frame : best);
    if (i !== this.number) this.selectFrame(i, false);
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
    document.getElementById('count').textContent = `${number + 1} / ${FRAMES.length}`;
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
    showFigures(this.frame, this.person);
    this.photo.select(this.person);
    this.space.select(this.person);
  }
}

const viewer = new Viewer();
