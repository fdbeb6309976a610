# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which text may be a template, for every supported ansible-core."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ansible.utils.unsafe_proxy import wrap_var

try:
    from ansible.template import trust_as_template
except ImportError:
    # Before 2.19 every text is a template unless it is marked as unsafe.
    trust_as_template = None


def template(text: str) -> str:
    """A text of our own that is a template."""
    return text if trust_as_template is None else trust_as_template(text)


def load_with_templates(loader: Any, path: str) -> Any:
    """The content of a YAML file of variables, whose texts may be templates. Raises AnsibleError."""
    if trust_as_template is None:
        return loader.load_from_file(path, cache="none")
    return loader.load_from_file(path, cache="none", trusted_as_template=True)


def never_a_template(value: Any) -> Any:
    """A variable's value that a guest's owner may have written, and that must never be taken for a template.

    Since 2.19 text from elsewhere never is. What cannot be one in any case is said to be harmless there, since
    ansible-inventory would show it as a dictionary with `__ansible_unsafe` otherwise.
    """
    if trust_as_template is None:
        return wrap_var(value)
    if isinstance(value, str):
        return value if "{" in value else _harmless(value)
    if isinstance(value, dict):
        return {name: never_a_template(each) for name, each in value.items()}
    if isinstance(value, list):
        return [never_a_template(each) for each in value]
    return value


@lru_cache(maxsize=4096)
def _harmless(text: str) -> str:
    """Most texts of many guests are the same few, such as `virtio`."""
    return trust_as_template(text)
