#!/bin/sh
# A Slurm array that makes the states of all traces of a manifest, a shard a task, and
# a job that adds them up when all are made:
#
#   sbatch --array=0-63 docs/fleet/slurm.sh fleet.csv states
#   sbatch --dependency=singleton --job-name=ipiscope --wrap 'ipiscope merge -o fleet.json --format json states'
#
# A task that is requeued makes only the states that are missing. What may help when
# tried again (exit status 1: the file system was away; above 128: it was killed) is
# queued again three times, 2 (no trace) is not: the task's log says which.
#SBATCH --job-name=ipiscope
#SBATCH --cpus-per-task=1
#SBATCH --requeue
set -u
manifest=$1 states=$2
${IPISCOPE:-ipiscope} state --jobs 1 --manifest "$manifest" -o "$states" \
  --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
status=$?
if { [ $status = 1 ] || [ $status -gt 128 ]; } && [ "${SLURM_RESTART_COUNT:-0}" -lt 3 ]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit $status
