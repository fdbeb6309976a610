# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Where the driver of containers runs."""

    DOCUMENTATION = r"""
options:
  transport:
    description:
      - Where the engine's driver runs. With V(module) that is the host, which needs Python 3.8 or later.
      - With V(command) it is the controller, and only the engine's commands, and files as text, go over the host's own Ansible
        connection, with its C(become). The host needs a POSIX shell, coreutils 8.4, C(flock), and no Python, such as a node of OpenVZ 6 or 7.
      - V(command) is for engine V(openvz). Naming another one with it is an error before anything is touched.
      - With V(command) the connection must take input for its commands, as C(ansible.builtin.ssh) does; C(sudo) must not demand a terminal
        (C(requiretty)); C(async) is refused.
    type: str
    choices: [module, command]
    default: module
"""
