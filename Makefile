# The setup and the few commands that a newcomer needs. Everything else is in project.yml, and docs/index.md shows how to
# do without make.

# The first Python found that the project supports. To use another: make quickstart PYTHON=/path/to/python3.12
PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.13; do \
	$$python -c "import scripts" 2>/dev/null && echo $$python && break; done)
RUN := .venv/bin/python -m

# In a log, the commands' output in the order it was written, and without colours. NO_COLOR: https://no-color.org
export PYTHONUNBUFFERED := 1
ifneq ($(NO_COLOR)$(if $(MAKE_TERMOUT),,log),)
export ANSI_COLORS_DISABLED := 1
endif

.PHONY: quickstart all docs test format clean

quickstart: .venv/installed  ## run the whole workflow on generated notes, in ten minutes; needs PyPI only
	$(RUN) spacy project run quickstart

all: .venv/installed  ## train Bio_ClinicalBERT on BC5CDR, score it and build the wheel
	$(RUN) spacy project run all

docs: .venv/installed-optional  ## build the documentation site into site/
	NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --strict --quiet
	@echo "The site is in site/: open site/index.html in a browser"

test: .venv/installed-optional  ## run the linters and all tests, also those of optional features
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) pytest

format: .venv/installed  ## fix what ruff can fix
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

clean:  ## remove what the commands wrote, except the metrics
	rm -rf assets corpus training packages site project.lock

.venv/installed: requirements.txt constraints.txt
	@if [ -z "$(PYTHON)" ]; then python3 -c "import scripts"; exit 1; fi
	$(PYTHON) -c "import scripts"
	$(PYTHON) -m venv .venv
	.venv/bin/pip install -r requirements.txt -c constraints.txt
	touch .venv/installed

# Ray, databases, FHIR, cassis and MkDocs, which quickstart and all do not need.
OPTIONAL := ray sql fhir xmi docs
.venv/installed-optional: .venv/installed $(OPTIONAL:%=requirements-%.txt)
	.venv/bin/pip install $(OPTIONAL:%=-r requirements-%.txt) -c constraints.txt
	touch .venv/installed-optional
