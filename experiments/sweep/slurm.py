"""Try the sweep under Slurm, on one node and as root: make slurm

Starts Debian's munge and Slurm without a database. A first call of the workflow runs
four short seeds, two at once, and one of them is killed in mid-run. A second call
finishes it, and a third finds nothing to do. Then the killed seed is trained anew
without Slurm, and its weights are compared. Writes slurm.json beside this file.

It needs Debian's slurm-wlm and munge, and writes /etc/slurm/slurm.conf: take a machine
that has no Slurm of its own. The jobs read their configuration there and nowhere else.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = map(str, (ROOT, ROOT / 'experiments', HERE))

import tables       # noqa: E402
from seed import GROUPS, train     # noqa: E402

from tf1gan import run_folder      # noqa: E402

GROUP, SEEDS, STEPS, VICTIM = 'collapse_4', 4, 20000, 1
SNAKEMAKE = ROOT / '.venv-sweep' / 'bin' / 'python'
CONF = Path('/etc/slurm/slurm.conf')
CONTENT = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
StateSaveLocation={state}/state
SlurmdSpoolDir={state}/spool
SlurmctldPidFile={state}/ctld.pid
SlurmdPidFile={state}/d.pid
SlurmctldLogFile={state}/ctld.log
SlurmdLogFile={state}/d.log
ReturnToService=2
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def start(state: Path) -> None:
    """Start munge and Slurm, and wait until the node is idle."""
    for name in 'state', 'spool':
        (state / name).mkdir()
    CONF.parent.mkdir(exist_ok=True)
    CONF.write_text(CONTENT.format(host=socket.gethostname(), state=state))
    subprocess.run('mkdir -p /run/munge && chown munge: /run/munge && '
                   'su munge -s /bin/sh -c munged', shell=True, check=True)
    for daemon in 'slurmctld', 'slurmd':
        subprocess.run([daemon], check=True)
    until(lambda: 'idle' in output('sinfo', '-h', '-o', '%T'), 'an idle node')


def output(*command: str) -> str:
    """Return what a command prints."""
    return subprocess.run(command, stdout=subprocess.PIPE,
                          universal_newlines=True).stdout


def until(condition, what: str, seconds: int = 300) -> None:
    """Wait for a condition."""
    end = time.time() + seconds
    while not condition():
        if time.time() > end:
            raise SystemExit(f'{what} did not come in {seconds} seconds')
        time.sleep(0.5)


def workflow(runs: Path) -> subprocess.Popen:
    """Start the workflow on Slurm; each submitted job stands in what it prints."""
    return subprocess.Popen(
        [str(SNAKEMAKE), '-m', 'snakemake', '--snakefile', str(HERE / 'Snakefile'),
         '--executor', 'slurm', '--jobs', '2', '--keep-going',
         '--slurm-status-command', 'squeue', '--default-resources',
         'slurm_partition=main', 'mem_mb=500', 'runtime=20', 'slurm_account=none',
         '--config', f'groups={GROUP}', f'seeds={SEEDS}', f'runs={runs}',
         f'steps={STEPS}', f'python={sys.executable}'], cwd=str(ROOT),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)


def trainers(runs: Path, seed: int) -> list:
    """Return the processes that train a seed."""
    return output('pgrep', '-f', f'tf1gan.collapse .*{runs}/{GROUP}/{seed} ').split()


def steps_of(folder: Path) -> int:
    """Return the steps that a run has kept."""
    return run_folder.load_checkpoint(folder)[1]['step']


def main() -> None:
    """Start Slurm, run, kill, run again, compare, write."""
    for name in 'slurmctld', 'munged', str(SNAKEMAKE):
        if not shutil.which(name):
            raise SystemExit(f'expected {name}, found none; apt-get install slurm-wlm '
                             'munge, and make sweep')
    state = Path(tempfile.mkdtemp())
    start(state)
    runs, at_once = state / 'runs', 0
    victim = runs / GROUP / str(VICTIM)
    try:
        first = workflow(runs)
        middle = victim / f'at_{STEPS * 6 // 10}'
        until(lambda: middle.exists() and trainers(runs, VICTIM), 'its middle', 900)
        time.sleep(5)       # into its training
        at_once = len(output('squeue', '-h', '-t', 'R').split('\n')) - 1
        for number in trainers(runs, VICTIM):
            os.kill(int(number), signal.SIGKILL)
        assert not (victim / f'at_{STEPS * 8 // 10}').exists(), 'killed too late'
        killed_after = steps_of(victim)
        said = first.communicate()[0]
        done = len(list(runs.glob('*/*.done')))
        print(said[-1500:], flush=True)
        again = workflow(runs).communicate()[0]
        done_after = len(list(runs.glob('*/*.done')))
        third = workflow(runs).communicate()[0]
        undisturbed = train(GROUP, VICTIM, state / 'undisturbed', STEPS)
        mine, theirs = (run_folder.load_checkpoint(folder / f'at_{STEPS}')[0]
                        for folder in (victim, undisturbed))
        same = set(mine) == set(theirs) and all(
            np.array_equal(mine[name], theirs[name]) for name in mine)
        tables.store('sweep/slurm.json', {
            'slurm': output('slurmctld', '-V').split()[-1],
            'snakemake': output(str(SNAKEMAKE), '-m', 'snakemake', '--version').strip(),
            'group': GROUP, 'seeds': SEEDS, 'steps': STEPS, 'at_once': at_once,
            'of': GROUPS[GROUP].steps, 'killed_after': killed_after, 'done': done,
            'done_after': done_after, 'same_bits': same,
            'first_status': first.returncode,
            'third_call': len(re.findall('^rule seed', third, re.MULTILINE))})
        print(again[-500:], third[-500:], flush=True)
    finally:
        for daemon in 'slurmd', 'slurmctld', 'munged':
            subprocess.run(['pkill', daemon])


if __name__ == '__main__':
    main()
