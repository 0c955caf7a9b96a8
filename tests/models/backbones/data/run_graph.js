// node run_graph.js MODEL.json MODEL.bin IMAGE.i32 SIZE OUT.json NODE...
// Runs a graph model with TensorFlow.js on the CPU: the outputs of the nodes, then the output of the graph.
const fs = require('fs');
const tf = require('@tensorflow/tfjs-core');
require('@tensorflow/tfjs-backend-cpu');
const { loadGraphModel } = require('@tensorflow/tfjs-converter');

const bytes = (path) => {
  const file = fs.readFileSync(path);
  return file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
};

(async () => {
  const [json, bin, image, size, out, ...nodes] = process.argv.slice(2);
  await tf.setBackend('cpu');
  const graph = JSON.parse(fs.readFileSync(json));
  const model = await loadGraphModel({
    load: async () => ({
      modelTopology: graph.modelTopology,
      weightSpecs: graph.weightsManifest[0].weights,
      weightData: bytes(bin),
      format: graph.format,
      signature: graph.signature,
    }),
  });
  const input = tf.tensor(new Int32Array(bytes(image)), [1, +size, +size, 3], 'int32');
  const outputs = model.execute(input, [...nodes, 'Identity']);
  fs.writeFileSync(out, JSON.stringify(outputs.map((x) => ({ shape: x.shape, data: Array.from(x.dataSync()) }))));
})();
