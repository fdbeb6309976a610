# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The images of a real Debian, by the role guest_image: built once, and kept where the role keeps them or below FLOTILLA_IMAGES."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

IMAGES = os.environ.get("FLOTILLA_IMAGES", "/var/lib/flotilla/images")
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  roles: [flotilla.virt.guest_image]
  post_tasks:
    - ansible.builtin.copy:
        content: "{{ guest_image_result | to_json }}"
        dest: "{{ result }}"
        mode: "0644"
      changed_when: false
      check_mode: false
"""


def play(directory: Path, *options: str, **variables: Any) -> dict[str, Any]:
    """Run the role; return how many tasks changed and failed, what it said, and its result."""
    playbook, result = directory / "play.yml", directory / "result.json"
    playbook.write_text(PLAY)
    result.unlink(missing_ok=True)
    done = subprocess.run(
        ["ansible-playbook", str(playbook), "-e", json.dumps({"result": str(result), "guest_image_dir": IMAGES, **variables}), *options],
        capture_output=True, text=True, check=False,
    )
    said = done.stdout + done.stderr
    recap = re.search(r"changed=(\d+) .*failed=(\d+)", said)
    assert recap, said
    return {"changed": int(recap.group(1)), "failed": int(recap.group(2)), "said": said,
            "result": json.loads(result.read_text()) if result.exists() else None}


def images(directory: Path) -> dict[str, str]:
    """The default images (disk, rootfs, kernel, initrd, cmdline), built unless they are there."""
    done = play(directory)
    assert done["failed"] == 0, done["said"]
    return dict(done["result"])
