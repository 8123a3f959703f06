# `make demo` does the main job, `make test` passes the tests; both set up .venv first.
PYTHON ?= python3
BIN := .venv/bin
QUICK := MEDMNIST_KERAS_QUICK=1
ifdef MEDICAL_MNIST_DIR
export MEDICAL_MNIST_DIR := $(abspath $(MEDICAL_MNIST_DIR))
endif
ifdef MEDMNIST_KERAS_EXTERNAL_DIR
export MEDMNIST_KERAS_EXTERNAL_DIR := $(abspath $(MEDMNIST_KERAS_EXTERNAL_DIR))
endif
# Pages that load nothing from the net.
HTML := --to html --HTMLExporter.mathjax_url= --HTMLExporter.require_js_url= \
        --HTMLExporter.jquery_url=

.PHONY: demo test test-oldest test-newest lint notebooks results slides app export web benchmark \
        screenshot index weights api check-environment clean

demo: .venv/ready
	rm -rf notebooks/build/quick*
	cd notebooks && $(QUICK) ../$(BIN)/python -m medmnist_keras demo
	$(QUICK) $(BIN)/jupyter nbconvert $(HTML) --execute --output-dir build notebooks/*.ipynb
	cp notebooks/glossary.md build
	@$(BIN)/python -c "from pathlib import Path; [p.write_text(p.read_text('utf-8').replace('.ipynb\"', '.html\"'), 'utf-8') for p in Path('build').glob('0*.html')]"
	@echo "Open build/01_explore_the_data.html in a browser."

test: lint
	$(BIN)/python -m pytest
	$(BIN)/python -m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=1200 -x notebooks

# The package as others install it, with the oldest and the newest versions that it admits.
FAST := audit data decoding distributed evaluation main models package plots predicting reading refusal sources splits
test-oldest: RESOLUTION := lowest-direct
test-newest: RESOLUTION := highest
test-oldest test-newest: .venv/ready
	$(PYTHON) -m venv --clear build/$@
	$(BIN)/uv pip install --python build/$@ --resolution $(RESOLUTION) '.[dicom,jax]' 'pytest>=9' 'setuptools>=77'
	build/$@/bin/python -m pytest $(patsubst %,tests/test_%.py,$(FAST))

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# A full run on the real pictures: its outputs and results.json are what the project shows.
notebooks: .venv/ready
	$(BIN)/python tests/notebooks/run_in_full.py

# The README's table and figures, from notebooks/results.json.
results: .venv/ready
	$(BIN)/python images/make.py

# The talk: one page for any browser, made of the notebooks' tagged cells as they are stored.
slides: .venv/ready
	$(BIN)/python -m slides.make

# The live page: drop a picture, see what both models say of it.
app: .venv/ready
	$(BIN)/python -m medmnist_keras app

# The model that ships, in every format that others run, compared with Keras: build/export/.
export: .venv/ready
	$(BIN)/python -m medmnist_keras export --format all

# The page that asks it in the visitor's own browser, for any web server: build/web/.
web: .venv/ready
	$(BIN)/python -m web.make

# How fast each step is beside plain ways to do it, about 15 minutes: build/benchmark.json and .png.
benchmark: .venv/ready
	$(BIN)/python -m medmnist_keras benchmark

# images/app.png, from a real browser.
screenshot: .venv/ready
	$(BIN)/python images/screenshot_app.py

# The index of what belongs together, from the real pictures; it ships with the package.
index: .venv/ready
	$(BIN)/python -c "from medmnist_keras import groups, load_images; print(groups.write_index(load_images(strict=True)))"

# The weights that ship with the package, and their model card: trained anew, about ten minutes.
weights: .venv/ready
	$(BIN)/python -c "from medmnist_keras import shipping; shipping.write_weights()"

# The reference of all public names, from their docstrings: build/api/medmnist_keras.html.
api: .venv/ready
	EAGER_IMPORT=1 PYTHONWARNINGS="ignore:Error parsing type annotation" \
	$(BIN)/pdoc --docformat google --output-directory build/api ./medmnist_keras

# What this machine has of what the notebooks need, each line [ok] or [missing].
check-environment: .venv/ready
	@$(BIN)/python -m medmnist_keras check

clean:
	rm -rf build notebooks/build .pytest_cache .ruff_cache .mypy_cache

.venv/ready: requirements.txt pyproject.toml
	$(PYTHON) -c "import sys; sys.exit('Python 3.10 or newer is needed, e.g. make PYTHON=python3.11' if sys.version_info < (3, 10) else 0)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt --editable .
	touch $@
