#!/usr/bin/env bash
# Unpack the images of MPII from OpenDataLab: unpack_mpii.sh DOWNLOAD_ROOT DATA_ROOT, as mim calls it.
set -euo pipefail
mkdir -p "$2"
tar -xzf "$1/OpenDataLab___MPII_Human_Pose/raw/MPII_Human_Pose.tar.gz" -C "$2"
