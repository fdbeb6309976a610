# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a libvirt network's XML says to a container."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.virt.plugins.module_utils._libvirt.attachment import attachment_from_xml
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.attachment import Attachment


@pytest.mark.parametrize("text,expected", [
    ("<network><name>a</name><forward mode='nat'/><bridge name='virbr7'/><ip address='10.1.0.1' netmask='255.255.255.0'/></network>",
     Attachment("virbr7", "10.1.0.0/24", "10.1.0.1", ("10.1.0.1",))),
    ("<network><bridge name='virbr8'/><dns enable='no'/><ip address='10.2.0.1' prefix='16'/></network>",
     Attachment("virbr8", "10.2.0.0/16", "", ())),
    ("<network><forward mode='bridge'/><bridge name='br0'/></network>", Attachment("br0")),
    ("<network><forward mode='hostdev'/></network>", None),
])
def test_a_network_is_a_bridge_with_addresses(text: str, expected) -> None:
    assert attachment_from_xml(text) == expected
