"""The fault campaign in short (`make faults` is the whole), and that it can fail."""

from conftest import ROOT, python

FAULTS = ROOT / 'experiments/faults/faults.py'


def test_a_run_survives_what_the_campaign_injects(tmp_path):
    ended = python(FAULTS, '--short', cwd=tmp_path)
    assert ended.status == 0, ended.err
    rows = [line for line in ended.out.splitlines() if line.startswith('vanilla: ')]
    assert len(rows) == 8
    assert sum(int(row.split()[-7]) for row in rows) > 300


def test_the_campaign_sees_a_checkpoint_that_is_not_written_whole(tmp_path):
    script = tmp_path / 'sabotage.py'
    script.write_text(f'''
import os, sys
sys.path.insert(0, {str(FAULTS.parent)!r})
import faults

def careless(folder, content):      # in its place, bit by bit
    with open(str(folder / 'checkpoint.npz'), 'wb') as file:
        for at in range(0, len(content), 4096):
            file.write(content[at:at + 4096])
            file.flush()
            os.fsync(file.fileno())

faults.run_folder.write_checkpoint = careless

def saves(*args):
    return faults.every_operation(*args, first=45)     # in the first of them

faults.CAMPAIGN = {{saves: (3, 3)}}
sys.exit(faults.main())
''')
    ended = python(script, '--short', cwd=tmp_path)
    assert ended.status == 1 and 'not survived' in ended.err
