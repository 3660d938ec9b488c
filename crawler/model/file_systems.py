"""Whether a folder is on a file system that several machines share."""

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mounts")
_SHARED = re.compile(
    r"nfs\d?|cifs|smb3?|smbfs|9p|afs|beegfs|ceph|glusterfs|gpfs|lustre|ocfs2|gfs2|orangefs|fuse\..+"
)
"""Types of file systems between machines; those of FUSE may be, such as sshfs and s3fs."""
_ESCAPE = re.compile(r"\\([0-7]{3})")


def is_shared(folder: Path) -> bool:
    """Whether ``folder`` may be shared with other machines. Unknown (not Linux) counts as no."""
    try:
        return shared_in(_MOUNTS.read_text(errors="surrogateescape"), os.path.realpath(folder))
    except OSError:
        return False


def shared_in(mounts: str, path: str) -> bool:
    """The same for a real ``path``, by the text of /proc/mounts (proc(5)); the last one counts."""
    longest, is_ours = "", False
    for line in mounts.splitlines():
        _, place, kind, *_ = line.split(" ")
        place = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), place)
        within = path == place or path.startswith(place.rstrip("/") + "/")
        if within and len(place) >= len(longest):
            longest, is_ours = place, _SHARED.fullmatch(kind) is not None
    return is_ours
