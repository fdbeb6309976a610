# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays inside a container, and files in and out of it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

NAME = "it's a \"file\""
TRANSFER = """
import json, sys
from ansible.plugins.loader import connection_loader, init_plugin_loader
from ansible.playbook.play_context import PlayContext
place, name, metal = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
init_plugin_loader()
connection = connection_loader.get("flotilla.virt.container", PlayContext(), ansible_playbook_pid="1", task_uuid="1")
connection._host_vars = metal
connection.set_options(var_options={"flotilla_name": name, "flotilla_engine": sys.argv[4], **({"flotilla_host": "metal"} if metal else {})})
path = "/root/it's a \\"file\\""
connection.put_file(place + "/in", path)
connection.fetch_file(path, place + "/out")
assert connection.exec_command("exit 3")[0] == 3
assert connection.exec_command("cat", in_data=b"piped\\n")[1] == b"piped\\n"
connection.close()
"""


def play(tmp_path: Path, hosts: dict[str, Any], tasks: list[dict[str, Any]], **environment: str) -> dict[str, Any]:
    """Run tasks on the host `guest`; return the exit code and all output."""
    (tmp_path / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    (tmp_path / "play.json").write_text(json.dumps([{"hosts": "guest", "gather_facts": False, "tasks": tasks}]))
    done = subprocess.run(["ansible-playbook", "-i", str(tmp_path / "inventory.json"), str(tmp_path / "play.json")],
                          capture_output=True, text=True, cwd=tmp_path, check=False, timeout=120,
                          env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default", **environment})
    return {"rc": done.returncode, "out": done.stdout + done.stderr}
