# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sphinx configuration of the documentation site."""

from __future__ import annotations

project = "flotilla.virt"
author = "The flotilla.virt team"
copyright = "2026, flotilla.virt contributors"  # pylint: disable=redefined-builtin
title = html_title = html_short_title = "flotilla.virt"

extensions = ["sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
exclude_patterns = ["docsite"]
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
default_role = "any"
nitpicky = True
nitpick_ignore_regex = [("envvar", "ANSIBLE_.*")]  # Ansible's own settings are documented on its site

html_theme = "sphinx_ansible_theme"
html_theme_options = {
    "collapse_navigation": False,
    "vcs_pageview_mode": "",
    "topbar_links": {},
    "documentation_home_url": "index.html",
}
html_show_sphinx = False
html_copy_source = False
html_use_index = False

# The site is built without a network; pages of ansible-core that the reference points to are named in ansible.rst.
intersphinx_mapping: dict[str, object] = {}
