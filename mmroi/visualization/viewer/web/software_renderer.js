'use strict';

// Draws the scenes of this page where there is no WebGL: triangles and lines with a z-buffer, in the place of
// three.js' renderer. Bodies are lit per vertex; images in space are left out.

const SUPERSAMPLING = 2;  // pixels of the canvas per pixel of the page, for smooth edges
// In the axes of the camera, as addLights: direction (of length 1) and irradiance of the lights.
const SOFTWARE_LIGHTS = [[-0.449, 0.648, 0.618, 1.9], [0.752, 0.1, 0.652, 0.6]];
const SOFTWARE_SKY = [1.1, 0.147];  // from above and below

const CORNER = 6;  // numbers of a projected vertex: x, y, depth, red, green, blue

// From linear light, 0 to 1 in steps of 1 / 1023, to sRGB.
const TO_SRGB = Uint8ClampedArray.from({length: 1024}, (_, i) => {
  const value = i / 1023;
  return Math.round(255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055));
});
const encodeSrgb = (value) => TO_SRGB[Math.min(1023, Math.round(1023 * value))];

class SoftwareRenderer {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.setSize(1, 1);
  }

  setSize(width, height) {
    [width, height] = [width, height].map((length) => Math.max(1, Math.round(length * SUPERSAMPLING)));
    if (this.image?.width === width && this.image.height === height) return;
    Object.assign(this.canvas, {width, height});
    this.image = this.context.createImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.depths = new Float32Array(width * height);
  }

  render(scene, camera) {
    this.pixels.fill(0);
    this.depths.fill(1);
    scene.updateMatrixWorld();
    this.toClip = camera.projectionMatrix;
    scene.traverseVisible((object) => {
      if (object.isLineSegments) this.drawLines(object, camera);
      else if (object.isMesh && !object.material.map) this.drawMesh(object, camera);
    });
    this.context.putImageData(this.image, 0, 0);
  }

  // x, y in pixels and depth of a point in the camera's axes; false behind the near plane.
  project(x, y, z, into, at) {
    const m = this.toClip.elements;
    const w = m[3] * x + m[7] * y + m[11] * z + m[15];
    const depth = (m[2] * x + m[6] * y + m[10] * z + m[14]) / w;
    if (w <= 0 || depth < -1) return false;
    into[at] = (0.5 + 0.5 * (m[0] * x + m[4] * y + m[8] * z + m[12]) / w) * this.image.width;
    into[at + 1] = (0.5 - 0.5 * (m[1] * x + m[5] * y + m[9] * z + m[13]) / w) * this.image.height;
    into[at + 2] = depth;
    return true;
  }

  drawMesh(mesh, camera) {
    const {geometry: {attributes: {color}, index: {array: faces}}, material} = mesh;
    const toCamera = new THREE.Matrix4().multiplyMatrices(camera.matrixWorldInverse, mesh.matrixWorld);
    const points = this.transform(mesh, toCamera.elements);
    const count = points.length / 3;
    const lit = material.isMeshPhongMaterial ? this.light(points, faces) : new Float32Array(count).fill(1);
    const base = material.color.toArray();
    const corners = new Float32Array(CORNER * count), seen = new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      seen[i] = this.project(points[3 * i], points[3 * i + 1], points[3 * i + 2], corners, CORNER * i);
      for (let channel = 0; channel < 3; channel++) {
        const own = material.vertexColors ? color.array[3 * i + channel] : base[channel];
        corners[CORNER * i + 3 + channel] = encodeSrgb(own * lit[i]);
      }
    }
    for (let i = 0; i < faces.length; i += 3) {
      const [a, b, c] = [faces[i], faces[i + 1], faces[i + 2]];
      if (seen[a] && seen[b] && seen[c]) this.fill(corners, CORNER * a, CORNER * b, CORNER * c);
    }
  }

  // Vertices, posed if they have bones, in the camera's axes.
  transform(mesh, m) {
    const {array, count} = mesh.geometry.attributes.position;
    const points = Float32Array.from(array), point = new THREE.Vector3();
    for (let i = 0; i < 3 * count; i += 3) {
      if (mesh.isSkinnedMesh) mesh.getVertexPosition(i / 3, point).toArray(points, i);
      const x = points[i], y = points[i + 1], z = points[i + 2];
      for (let k = 0; k < 3; k++) points[i + k] = m[k] * x + m[k + 4] * y + m[k + 8] * z + m[k + 12];
    }
    return points;
  }

  // Strength of the light at each vertex, with the normals of the pose.
  light(points, faces) {
    const normals = new Float32Array(points.length);
    for (let i = 0; i < faces.length; i += 3) {
      const a = 3 * faces[i], b = 3 * faces[i + 1], c = 3 * faces[i + 2];
      const ux = points[b] - points[a], uy = points[b + 1] - points[a + 1], uz = points[b + 2] - points[a + 2];
      const vx = points[c] - points[a], vy = points[c + 1] - points[a + 1], vz = points[c + 2] - points[a + 2];
      for (const at of [a, b, c]) {
        normals[at] += uy * vz - uz * vy;
        normals[at + 1] += uz * vx - ux * vz;
        normals[at + 2] += ux * vy - uy * vx;
      }
    }
    return Float32Array.from({length: points.length / 3}, (_, i) => {
      const x = normals[3 * i], y = normals[3 * i + 1], z = normals[3 * i + 2];
      const length = Math.hypot(x, y, z) || 1;
      const above = 0.5 + 0.5 * y / length;
      let sum = SOFTWARE_SKY[0] * above + SOFTWARE_SKY[1] * (1 - above);
      for (const [lx, ly, lz, strength] of SOFTWARE_LIGHTS) {
        sum += strength * Math.max(0, (x * lx + y * ly + z * lz) / length);
      }
      return sum / Math.PI;
    });
  }

  // A triangle that faces the camera, by where its corners begin.
  fill(corners, a, b, c) {
    const {width, height} = this.image;
    const ax = corners[a], ay = corners[a + 1], bx = corners[b], by = corners[b + 1];
    const cx = corners[c], cy = corners[c + 1];
    const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
    if (area >= 0) return;  // from behind: y points down
    const left = Math.max(0, Math.ceil(Math.min(ax, bx, cx) - 0.5));
    const right = Math.min(width - 1, Math.floor(Math.max(ax, bx, cx) - 0.5));
    const top = Math.max(0, Math.ceil(Math.min(ay, by, cy) - 0.5));
    const bottom = Math.min(height - 1, Math.floor(Math.max(ay, by, cy) - 0.5));
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        const x = column + 0.5, y = row + 0.5;
        const u = ((cx - bx) * (y - by) - (cy - by) * (x - bx)) / area;
        const v = ((ax - cx) * (y - cy) - (ay - cy) * (x - cx)) / area;
        const w = 1 - u - v;
        if (u < 0 || v < 0 || w < 0) continue;
        const mix = (k) => u * corners[a + k] + v * corners[b + k] + w * corners[c + k];
        const at = row * width + column, depth = mix(2);
        if (depth >= this.depths[at]) continue;
        this.depths[at] = depth;
        this.pixels[at] = 0xff000000 | mix(5) << 16 | mix(4) << 8 | mix(3);
      }
    }
  }

  drawLines(lines, camera) {
    const {position, color} = lines.geometry.attributes;
    const {near} = camera, {vertexColors, opacity} = lines.material;
    const toCamera = new THREE.Matrix4().multiplyMatrices(camera.matrixWorldInverse, lines.matrixWorld);
    const read = (i) => new THREE.Vector3().fromBufferAttribute(position, i).applyMatrix4(toCamera);
    for (let i = 0; i < position.count; i += 2) {
      const ends = [read(i), read(i + 1)];
      if (ends.every(({z}) => z > -near)) continue;
      ends.forEach((end, k) => {  // cut where it comes nearer than the near plane
        const other = ends[1 - k];
        if (end.z > -near) end.lerp(other, (-1.001 * near - end.z) / (other.z - end.z));
      });
      const [from, to] = [[], []];
      if (!ends.every(({x, y, z}, k) => this.project(x, y, z, [from, to][k], 0))) continue;
      const own = vertexColors ? [...color.array.subarray(3 * i, 3 * i + 3)] : lines.material.color.toArray();
      this.stroke(from, to, [...own.map(encodeSrgb), opacity]);
    }
  }

  // As wide as a pixel of the page.
  stroke(from, to, [red, green, blue, opacity]) {
    const {width, height} = this.image;
    const run = [to[0] - from[0], to[1] - from[1]];
    const steps = Math.ceil(Math.max(Math.abs(run[0]), Math.abs(run[1])));
    // only the part inside of the picture
    let [first, last] = [0, 1];
    [[from[0], run[0], width], [from[1], run[1], height]].forEach(([start, length, limit]) => {
      const [low, high] = length ? [-start / length, (limit - start) / length].sort((p, q) => p - q) :
        start >= 0 && start < limit ? [0, 1] : [1, 0];
      [first, last] = [Math.max(first, low), Math.min(last, high)];
    });
    const across = Math.abs(run[0]) > Math.abs(run[1]) ? [0, 1] : [1, 0];
    for (let step = Math.ceil(first * steps); step <= last * steps; step++) {
      const part = steps ? step / steps : 0;
      for (let k = 0; k < SUPERSAMPLING; k++) {
        const column = Math.floor(from[0] + part * run[0]) + k * across[0];
        const row = Math.floor(from[1] + part * run[1]) + k * across[1];
        const inside = column >= 0 && row >= 0 && column < width && row < height;
        if (inside) this.blend(row * width + column, from[2] + part * (to[2] - from[2]), [red, green, blue], opacity);
      }
    }
  }

  blend(at, depth, ink, opacity) {
    if (depth > this.depths[at]) return;
    const {data} = this.image;
    const share = data[4 * at + 3] ? opacity : 1;
    ink.forEach((value, channel) => { data[4 * at + channel] += share * (value - data[4 * at + channel]); });
    data[4 * at + 3] = Math.max(data[4 * at + 3], 255 * opacity);
  }
}
