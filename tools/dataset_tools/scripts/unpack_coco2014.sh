#!/usr/bin/env bash
# Unpack the images of COCO 2014 from OpenDataLab: unpack_coco2014.sh DOWNLOAD_ROOT DATA_ROOT, as mim calls it.
set -euo pipefail
mkdir -p "$2"
python -m zipfile -e "$1/OpenDataLab___COCO_2014/raw/train2014.zip" "$2"
