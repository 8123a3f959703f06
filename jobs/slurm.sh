#!/bin/bash
# Training on several machines under Slurm: one process for each GPU.
#   sbatch jobs/slurm.sh SHARDS OUTPUT [--epochs 10 --batch-size 1024]
# SHARDS is a folder that `python -m medmnist_keras shards` wrote, OUTPUT gets the model; all
# machines must see both. Requeued or submitted anew, the job goes on after its last whole epoch.
#SBATCH --job-name=medmnist_keras
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --requeue
set -euo pipefail

export KERAS_BACKEND=jax
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
export JAX_COORDINATOR_ADDRESS="${nodes[0]}:$((20000 + SLURM_JOB_ID % 10000))"

# --kill-on-bad-exit: one process lost ends the job at once, and Slurm's mail says so.
# shellcheck disable=SC2016  # each task has its own rank
srun --kill-on-bad-exit=1 bash -c '
    export JAX_NUM_PROCESSES="$SLURM_NTASKS" JAX_PROCESS_ID="$SLURM_PROCID"
    exec python -m medmnist_keras train "$@"
' train "${1:?folder of shards}" --output "${2:?folder for the model}" "${@:3}"
