# make vanilla            set-up if need be, then the main job; flags in ARGS="--total-epoch 2"
# make test               set-up if need be, then lint and the whole suite
# make ... PYTHON=python3.6       with that interpreter (a path, python3.7 or python3.6)

VENV ?= .venv
ARGS ?=
PYTHON ?=
python = $(VENV)/bin/python

.PHONY: vanilla test lint environment pages speed epsilon ladder \
	reference-vanilla reference-minimax

vanilla: environment
	@$(python) -m tf1gan.vanilla $(ARGS)

test: environment lint
	@$(python) -m pytest $(ARGS)

lint:
	@sh requirements/environment.sh $(VENV)-lint requirements/lint.lock "$(PYTHON)"
	@$(VENV)-lint/bin/python -m flake8
	@if [ -x $(VENV)-lint/bin/hadolint ]; then $(VENV)-lint/bin/hadolint Dockerfile; fi

environment:
	@sh requirements/environment.sh $(VENV) requirements/tf1-cpu.lock "$(PYTHON)"

# The committed run: samples/vanilla and experiments/vanilla (a few minutes).
reference-vanilla: environment
	@sh experiments/vanilla/reference.sh $(python)

# The committed runs of the minimax game, both objectives (a few minutes).
reference-minimax: environment
	@sh experiments/minimax/reference.sh $(python)

# The mode-collapse ladder, every rung with three seeds.
ladder: environment
	@$(python) experiments/collapse/ladder.py
	@$(python) experiments/fill_pages.py

# What the place of Adam's epsilon changes.
epsilon: environment
	@$(python) experiments/collapse/epsilon.py
	@$(python) experiments/fill_pages.py

# Plumbing against the plain script, side by side (experiments/speed); leave the machine alone.
speed: environment
	@$(python) experiments/speed/plumbing.py
	@$(python) experiments/fill_pages.py

# The numbers that README.md and experiments/*/README.md quote, from what the programs wrote.
pages: environment
	@$(python) experiments/fill_pages.py
