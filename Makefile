# make vanilla            set-up if need be, then the main job; flags in ARGS="--total-epoch 2"
# make dcgan              likewise (and make conditional)
# make test               set-up if need be, then lint and the whole suite
# make quick              a part of it, for a look in between: under a minute
# make ports              the ports in PyTorch, JAX and TensorFlow 2, on a Python 3.11 (or PYTHON_PORTS)
# make sbom               a bill of materials of every lock, CycloneDX, in sbom/
# make pages              the numbers that the pages quote, from what the programs wrote
# make ... PYTHON=python3.6       with that interpreter (a path or a name)
# make ... ENV=cpu                with TensorFlow 1.15 or not at all (without ENV: TensorFlow 2 in its place)
# make ... ENV=mkl                with Intel's MKL build of TensorFlow 1.15, in .venv-mkl
# make ... ENV=tf2                with TensorFlow 2 in graph mode, in .venv-tf2
# make ... ENV=gpu                likewise, with its CUDA wheels, in .venv-gpu
# make ... ENV=oldest             likewise, the oldest that the package takes, in .venv-oldest

# Not ?=, for shells have a variable of this name too.
ENV =
lock_cpu = tf1-cpu
lock_mkl = tf1-mkl
lock_tf2 = tf2-cpu
lock_gpu = tf2-gpu
lock_oldest = tf2-oldest
lock = $(lock_$(ENV))
ifneq ($(ENV),$(if $(lock),$(ENV)))
$(error ENV: expected cpu, mkl, tf2, gpu or oldest, found $(ENV))
endif
suffix = $(addprefix -,$(filter-out cpu,$(ENV)))
VENV ?= .venv$(suffix)
ARGS ?=
PYTHON ?=
python = $(VENV)/bin/python
lint = $(VENV:$(suffix)=)-lint

# Two workers. (With --numprocesses pytest-xdist fails where the path has an accent.)
two = --tx "2*popen//python='$(1)'" --dist loadfile

.DEFAULT_GOAL = help
.PHONY: help vanilla dcgan conditional test quick ports right golden classifier lint environment pages speed oracles ladder claims today faults sweep collect trials slurm sbom \
	reference-vanilla reference-minimax reference-dcgan reference-conditional

# Bare make: what there is.
help:
	@sed -n 's/^# make/make/p' Makefile

vanilla: environment
	@$(python) -m tf1gan.vanilla $(ARGS)

dcgan: environment
	@$(python) -m tf1gan.dcgan $(ARGS)

conditional: environment
	@$(python) -m tf1gan.conditional $(ARGS)

# Two workers share two cores: NumPy's products have one thread each.
test quick ports: export OPENBLAS_NUM_THREADS = 1

test: environment lint
	@$(python) -m pytest $(call two,$(python)) $(ARGS)

quick: environment lint
	@$(python) -m pytest --quiet $(call two,$(python)) $(addprefix tests/test_,descriptions.py \
		interpreter.py trace.py schema.py mnist.py pictures.py spread.py)

# The package without TensorFlow 1.15, its NumPy-only tests, the ports against the golden traces, and the
# mistakes in them; in an environment of their own.
PYTHON_PORTS ?=
ports = .venv-ports/bin/python
ports:
	@sh requirements/environment.sh .venv-ports requirements/ports.lock "$(PYTHON_PORTS)"
	@$(ports) -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation \
		--force-reinstall .
	@cd experiments/ports && ../../$(ports) run.py $(ARGS)
	@cd tests && ../$(ports) -m pytest $(call two,../$(ports)) \
		-p no:cacheprovider $$(../$(ports) numpy_only.py)

# Right runs in judgement: how near they come to their limits (half an hour).
right: environment
	@$(MAKE) --no-print-directory environment ENV=mkl
	@$(python) experiments/ports/right.py .venv-mkl/bin/python $(ports)
	@$(python) experiments/fill_pages.py

# The classifier of tf1gan.evaluate anew (some minutes).
classifier: environment
	@$(python) experiments/classifier/train.py
	@$(python) experiments/fill_pages.py

# Twenty seeds of every group, as a Snakemake workflow (many hours; it goes on where it was). A part of it:
# ARGS='--config groups="vanilla dcgan" seeds=3'.
sweep: environment
	@sh requirements/environment.sh .venv-sweep requirements/sweep.lock "$(PYTHON_PORTS)"
	@.venv-sweep/bin/python -m snakemake --snakefile experiments/sweep/Snakefile --cores 2 $(ARGS)

# The sweep under Slurm, on one node, as root (some minutes; wants Debian's slurm-wlm and munge).
slurm: environment
	@$(python) experiments/sweep/slurm.py
	@$(python) experiments/fill_pages.py

# The sweep's curves, of what is finished; GROUPS="vanilla dcgan" have their generators judged too. It makes the
# tables of results, and what `tf1gan curve` and `evaluate --against` compare with.
collect: environment
	@$(python) experiments/sweep/collect.py $(GROUPS)
	@$(python) experiments/fill_pages.py

# What these two see: known wrong runs, right ones, and seeds left out (half an hour).
trials: environment
	@$(python) experiments/sweep/trials.py
	@$(python) experiments/fill_pages.py

# The golden traces anew: only when a tutorial's behaviour changes.
golden: environment
	@sh experiments/ports/golden.sh $(python)

lint:
	@sh requirements/environment.sh $(lint) requirements/lint.lock "$(PYTHON)"
	@$(lint)/bin/python -m flake8
	@if [ -x $(lint)/bin/hadolint ]; then $(lint)/bin/hadolint Dockerfile; fi

environment:
ifeq ($(ENV),)
	@sh requirements/first-environment.sh $(VENV) "$(PYTHON)"
else
	@sh requirements/environment.sh $(VENV) requirements/$(lock).lock "$(PYTHON)"
endif

# The committed run: samples/vanilla and experiments/vanilla (a few minutes).
reference-vanilla: environment
	@$(python) experiments/reference.py vanilla

# The committed runs of the minimax game, both objectives (a few minutes).
reference-minimax: environment
	@$(python) experiments/reference.py minimax

# The committed run of the DCGAN: all its steps.
reference-dcgan: environment
	@$(python) experiments/reference.py dcgan

# The committed run of the conditional DCGAN: 13 of its 50 epochs (about an hour).
reference-conditional: environment
	@$(python) experiments/reference.py conditional

# The mode-collapse ladder, every rung with three seeds.
ladder: environment
	@$(python) experiments/collapse/ladder.py
	@$(python) experiments/fill_pages.py

# The source's further claims of the ladder (hours; PARTS="epochs" does a part of it).
claims: environment
	@$(python) experiments/collapse/claims.py $(PARTS)
	@$(python) experiments/fill_pages.py

# Every source's own program in the release that it was written for (half an hour; PARTS="steps" does
# a part of it).
oracles: environment
	@sh requirements/environment.sh .venv-ports requirements/ports.lock "$(PYTHON_PORTS)"
	@sh requirements/environment.sh .venv-oracle-tf15 requirements/oracle-tf15.lock
	@sh requirements/environment.sh .venv-oracle-keras1 requirements/oracle-keras1.lock
	@$(python) experiments/oracles/oracles.py $(PARTS)
	@$(python) experiments/fill_pages.py

# Every tutorial's step side by side with others', how it grows, what a command costs (experiments/speed): an hour
# in which the machine is left alone. After `make ports`.
speed: environment
	@$(MAKE) --no-print-directory environment ENV=mkl
	@$(python) experiments/speed/speed.py .venv-mkl/bin/python $(ports)
	@$(python) experiments/speed/scaling.py $(ports)
	@$(python) experiments/speed/fixed.py
	@$(python) experiments/fill_pages.py

# TensorFlow 2 in graph mode against TensorFlow 1.15 (an hour or two; PARTS="traces" does a part of it).
PARTS ?=
today: environment
	@$(MAKE) --no-print-directory environment ENV=tf2
	@$(MAKE) --no-print-directory environment ENV=oldest
	@$(python) experiments/today/today.py $(PARTS)
	@$(python) experiments/fill_pages.py

# What runs survive: kills, full disks, wrong bytes (experiments/faults; an hour or two, as root).
faults: environment
	@$(python) experiments/faults/faults.py $(ARGS)
	@$(python) experiments/fill_pages.py

# A bill of materials of every lock, in CycloneDX's JSON; not committed, for a lock says it all.
sbom:
	@sh requirements/environment.sh .venv-sbom requirements/sbom.lock "$(PYTHON_PORTS)"
	@mkdir -p sbom
	@for lock in requirements/*.lock; do .venv-sbom/bin/cyclonedx-py requirements --output-reproducible \
		--of JSON -o sbom/$$(basename $$lock .lock).json $$lock || exit 1; done
	@ls sbom/*.json

# The numbers that README.md and experiments/*/README.md quote, from what the programs wrote.
pages: environment
	@$(python) experiments/fill_pages.py
