#!/usr/bin/env bash
# Train on several processes: tools/dist_train.sh CONFIG PROCESSES_PER_NODE [arguments of tools/train.py]
# Without a GPU the processes share the CPU through gloo.
# On several nodes, on each: NNODES=2 NODE_RANK=0 MASTER_ADDR=first-node PORT=29500 tools/dist_train.sh ...
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG PROCESSES_PER_NODE [arguments of tools/train.py]" >&2
    exit 2
fi
config=$1
processes=$2
shift 2

python -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$processes" \
    "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"
