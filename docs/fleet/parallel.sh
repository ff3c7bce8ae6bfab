#!/bin/sh
# The same on one machine, or with --sshloginfile on several, by GNU parallel:
#
#   docs/fleet/parallel.sh 2-3 states *.dat
#
# A run that failed is tried again twice. A state appears whole or not at all.
set -u
isolated=$1 states=$2
shift 2
mkdir -p "$states"
parallel --retries 3 --halt never \
  "${IPISCOPE:-ipiscope} state --threads 1 --isolated $isolated -o $states/ {}" ::: "$@"
