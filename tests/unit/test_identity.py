# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Identities that nobody has to write."""

from __future__ import annotations

from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.identity import derived_mac
from ansible_collections.flotilla.virt.plugins.module_utils._reconcile.kinds import mac


def test_a_large_fleet_has_as_many_macs_as_nics() -> None:
    """With three derived bytes, two of these 10,000 shared theirs with another, and the run was refused."""
    names = ["bench-%05d" % index for index in range(10_000)]
    assert len({derived_mac("bench", name, "lan") for name in names}) == len(names)


def test_a_derived_mac_is_a_valid_one_of_ones_own() -> None:
    """Locally administered (bit 1 of the first byte) and unicast (bit 0 not set): IEEE 802, clause 8.4."""
    for index in range(100):
        derived = derived_mac("shop", "db%d" % index, "lan")
        assert mac(derived) == derived
        assert int(derived[:2], 16) & 3 == 2


def test_every_part_of_the_name_counts() -> None:
    """Fleet, guest and NIC, each on its own and not merely their concatenation."""
    parts = [("shop", "db1", "lan"), ("shop2", "db1", "lan"), ("shop", "db2", "lan"), ("shop", "db1", "dmz"), ("sho", "pdb1", "lan")]
    assert len({derived_mac(*each) for each in parts}) == len(parts)
