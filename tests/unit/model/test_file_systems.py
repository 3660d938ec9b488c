"""A run on a file system between machines is found by its mount."""

from pathlib import Path

import pytest

from crawler.model.file_systems import is_shared, shared_in

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/export /srv/runs nfs4 rw,vers=4.2 0 0
/dev/sdb1 /srv/runs/local xfs rw 0 0
me@host: /home/me/my\\040disk fuse.sshfs rw 0 0
/dev/sdc1 /over ext4 rw 0 0
//nas/over /over cifs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/srv/runs", True),
        ("/srv/runs/big/shards", True),
        ("/srv/runs/local/big", False),
        ("/srv/runs2", False),
        ("/home/me/my disk/run", True),
        ("/over/run", True),
        ("/", False),
        ("/tmp/run", False),
    ],
)
def test_the_innermost_mount_decides(path: str, expected: bool) -> None:
    assert shared_in(MOUNTS, path) is expected


def test_a_folder_of_this_machine_is_not_shared(tmp_path: Path) -> None:
    assert not is_shared(tmp_path)
