'use strict';

const LONGEST_STEP = 0.25;  // seconds between two pictures of the screen while something plays

// Plays one thing at a time: calls `step(seconds)` for each picture of the screen until that says false. All of its
// buttons show whether something plays.
class Player {
  constructor(buttons) {
    this.buttons = buttons.map((button) => ({button, name: button.getAttribute('aria-label')}));
    this.pause();
  }

  get playing() {
    return this.step !== null;
  }

  toggle(step) {
    if (this.playing) this.pause();
    else this.start(step);
  }

  start(step) {
    this.step = step;
    this.label();
    let last = performance.now();
    const next = (now) => {
      if (this.step !== step) return;
      // A hidden page draws nothing: it goes on where it was.
      const passed = Math.min(Math.max(0, now - last) / 1000, LONGEST_STEP);
      last = now;
      if (!step(passed)) this.pause();
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }

  pause() {
    this.step = null;
    this.label();
  }

  label() {
    for (const {button, name} of this.buttons) {
      button.textContent = this.playing ? '❚❚' : '▶';
      button.setAttribute('aria-label', this.playing ? name.replace('Play', 'Pause') : name);
    }
  }
}
