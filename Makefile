# Copyright: (c) 2026, flotilla.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every target works from a fresh clone on a fresh Debian 12, as root: the first step of each installs what it needs.

SETUP := tests/tools/setup.sh
PYTHON := build/venv/bin/python
EXAMPLE = $(PYTHON) tests/tools/example.py

.DEFAULT_GOAL := help
.PHONY: help quickstart clean-quickstart test bench docs molecule clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

quickstart: ## set up this machine and converge examples/quickstart.yml: a KVM guest and an LXC container
	@$(SETUP) tools
	@$(EXAMPLE) -i inventory/hosts.yml run-quickstart.yml
	@$(EXAMPLE) -i inventory inside-quickstart.yml

clean-quickstart: ## remove what quickstart made, and nothing else
	@$(SETUP) tools
	@$(EXAMPLE) -i inventory/hosts.yml clean-quickstart.yml

test: ## run every gate and test, or some: make test GATES="lint pytest"
	@$(SETUP) tests
	@$(PYTHON) tests/tools/gates.py $(GATES)

bench: ## measure against raw libvirt-python and community.libvirt, into build/bench.json
	@$(SETUP) tests
	@$(PYTHON) tests/bench/bench.py

docs: ## build the documentation site into build/docs/html
	@$(SETUP) tools
	@$(PYTHON) tests/tools/docs.py

molecule: ## run one molecule scenario: make molecule SCENARIO=default
	@$(SETUP) tests
	@$(PYTHON) tests/tools/molecule_run.py $(SCENARIO)

clean: ## remove what was built here; the cached environment in ~/.cache/flotilla-virt stays
	rm -rf build .ansible tests/output .pytest_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
