# `make demo` does the main job, `make test` passes the tests; both set up .venv first.
PYTHON ?= python3
BIN := .venv/bin
# Without bytecode TensorFlow takes three times as long to import.
unexport PYTHONDONTWRITEBYTECODE
# As pip, in a seventh of the time.
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python
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

.PHONY: demo test test-slow test-notebooks test-without-tensorflow test-oldest test-newest \
        test-colab test-kaggle wheel lint notebooks exercises \
        results slides handout app export web site space lite benchmark screenshot index weights architecture api owner \
        check-environment clean

PAGES := $(patsubst notebooks/%.ipynb,build/%.html,$(sort $(wildcard notebooks/0*.ipynb)))

# Two chapters at a time, the longest first, for one alone leaves the second core idle half of the
# time; then the models that they trained are scored.
demo: .venv/ready
	rm -rf notebooks/build/quick* build/0*.html
	@$(MAKE) --no-print-directory --jobs=2 $(filter build/06% build/03%,$(PAGES)) $(PAGES)
	cp notebooks/glossary.md build
	cd notebooks && $(QUICK) ../$(BIN)/python -m medmnist_keras demo
	@echo "Open build/01_explore_the_data.html in a browser."

# Links between chapters lead to pages, too.
build/0%.html: notebooks/0%.ipynb
	$(QUICK) $(BIN)/jupyter nbconvert --log-level=WARN $(HTML) --execute --output-dir build $<
	@$(BIN)/python -c "import pathlib, sys; p = pathlib.Path(sys.argv[1]); p.write_text(p.read_text('utf-8').replace('.ipynb\"', '.html\"'), 'utf-8')" $@

# Chapter 4 compares what chapters 2 and 3 trained.
$(filter build/04%,$(PAGES)): $(filter build/02% build/03%,$(PAGES))

test: lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile
	$(MAKE) test-without-tensorflow
	$(MAKE) test-notebooks

# What takes long, for a night or before a release.
test-slow: wheel build/lite-tools/ready
	$(BIN)/python -m pytest -m slow

# Every notebook, quick, as a reader meets it: with the wheel, what it declares, and a kernel.
# Chapters first, then the exercises as they are given, then with their solutions.
test-notebooks: wheel
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/reader
	$(BIN)/uv pip install --quiet --python build/reader "$$(echo build/dist/*.whl)[notebooks,demo]" ipykernel
	build/reader/bin/python -m ipykernel install --prefix build/reader --name reader
	JUPYTER_PATH=$(CURDIR)/build/reader/share/jupyter $(BIN)/python -m pytest --nbval-lax \
	--nbval-kernel-name=reader --nbval-cell-timeout=1200 -x notebooks

# The package on JAX, and on PyTorch where its small build can be had, without TensorFlow.
WITHOUT := build/without-tensorflow
test-without-tensorflow: wheel
	$(BIN)/uv venv --quiet --clear --seed --python $(BIN)/python $(WITHOUT)
	$(BIN)/uv pip install --quiet --python $(WITHOUT) --requirement requirements-jax.txt 'pytest>=9'
	$(BIN)/uv pip install --quiet --python $(WITHOUT) --no-deps build/dist/*.whl
	KERAS_BACKEND=jax $(WITHOUT)/bin/python -m pytest tests/without_tensorflow tests/benchmarks/test_gpu.py
	if $(WITHOUT)/bin/python -m pip install --quiet "torch==2.13.0+cpu"; then \
	KERAS_BACKEND=torch OMP_WAIT_POLICY=PASSIVE $(WITHOUT)/bin/python -m pytest tests/without_tensorflow; \
	else echo "PyTorch could not be installed: its tests are skipped."; fi

# The package as others install it, with the oldest and the newest versions that it admits, and
# beside what Colab and Kaggle hold.
FAST := data models evaluation plots training/test_distributed.py inference/test_predicting.py test_main.py test_package.py
TEST_FAST = build/$@/bin/python -m pytest $(addprefix tests/,$(FAST))
test-oldest: RESOLUTION := lowest-direct
test-newest: RESOLUTION := highest
test-oldest test-newest: wheel
	$(BIN)/uv venv --quiet --clear --seed --python $(PYTHON) build/$@
	$(BIN)/uv pip compile --quiet --python build/$@ --resolution $(RESOLUTION) \
	--extra dicom --extra jax --output-file build/$@.txt pyproject.toml
	$(BIN)/uv pip install --python build/$@ --requirement build/$@.txt build/dist/*.whl \
	'pytest>=9' 'setuptools>=77'
	$(TEST_FAST)

test-colab test-kaggle: test-%: wheel
	$(BIN)/uv venv --quiet --clear --seed --python $(PYTHON) build/$@
	$(BIN)/uv pip install --python build/$@ --requirement tests/hosted/$*.txt
	$(BIN)/uv pip install --python build/$@ "$$(echo build/dist/*.whl)[dicom]" 'pytest>=9'
	$(BIN)/uv pip install --python build/$@ 'setuptools>=77' # to build the wheel in a test
	$(TEST_FAST)
	$(BIN)/python -m pytest tests/hosted -k $*

# By way of a source distribution, so that nothing stale of an earlier build gets in.
wheel: .venv/ready-test
	rm -rf build/dist
	$(BIN)/uv build --quiet --out-dir build/dist

lint: .venv/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# A full run on the real pictures: its outputs and results.json are what the project shows.
notebooks: .venv/ready
	$(BIN)/python tests/notebooks/run_in_full.py

# The exercise notebooks, from those with the solutions.
exercises: .venv/ready
	$(BIN)/python -m tools.exercises

# The README's table and figures, from notebooks/results.json.
results: .venv/ready
	$(BIN)/python -m tools.readme

# The talk: one page for any browser, made of the notebooks' tagged cells as they are stored; and
# its handout, one page of A4. `ADDRESS=https://…` is shown on both, as a QR code too.
slides: .venv/ready-test
	$(BIN)/python -m tools.slides.make "$(ADDRESS)"

handout: .venv/ready-test
	$(BIN)/python -m tools.slides.handout "$(ADDRESS)"

# The live page: drop a picture, see what both models say of it.
app: .venv/ready
	$(BIN)/python -m medmnist_keras app

# The model that ships, in every format that others run, compared with Keras: build/export/.
export: .venv/ready-test
	$(BIN)/python -m medmnist_keras export --format all

# The page that asks it in the visitor's own browser, for any web server: build/web/.
web: .venv/ready-test
	$(BIN)/python -m tools.web.make

# What the Hugging Face hub needs: a Space with the live page, and the model with its card.
space: .venv/ready
	$(BIN)/python -m tools.space.make

# A short first chapter that runs in the visitor's browser, for a web server: build/lite/. NumPy
# and the like for the browser come from where Pyodide publishes them, so this needs the network.
LITE := build/lite-tools
lite: wheel $(LITE)/ready
	$(BIN)/python -m tools.lite.make

# The pages are made of what the first line installs; the second only helps to make them.
$(LITE)/ready: tools/lite/requirements.txt | .venv/ready-test
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(LITE)
	$(BIN)/uv pip install --quiet --python $(LITE) --no-deps --require-hashes --requirement $<
	$(BIN)/uv pip install --quiet --python $(LITE) 'jupyterlite-core[contents]' jupyterlite-pyodide-kernel
	touch $@

# All of it as a web site, for any web server: build/site/, with what `make lite` wrote, if it did.
# `ADDRESS=https://…` is where it will be.
site: slides handout web api
	$(BIN)/python -m tools.site.make

# How fast each step is beside plain ways to do it, about 15 minutes: build/benchmark.json and .png.
benchmark: .venv/ready
	$(BIN)/python -m benchmarks

# images/app.png, from a real browser.
screenshot: .venv/ready-test
	$(BIN)/python -m tools.screenshot

# The index of what belongs together, from the real pictures; it ships with the package.
index: .venv/ready
	$(BIN)/python -m tools.group_index

# The weights that ship with the package, and their model card: trained anew, about ten minutes.
weights: .venv/ready
	$(BIN)/python -m tools.weights

# docs/architecture.md, from the imports of the code.
architecture: .venv/ready
	$(BIN)/python -m tools.architecture

# The reference of all public names, from their docstrings: build/api/medmnist_keras.html.
api: .venv/ready-test
	EAGER_IMPORT=1 PYTHONWARNINGS="ignore:Error parsing type annotation" \
	$(BIN)/pdoc --docformat google --no-show-source --template-directory tools/site/template/api \
	--output-directory build/api ./medmnist_keras

# The name of whoever owns the repository on GitHub, in every badge and address:
# `make owner NAME=ada`; NAME=OWNER takes it back.
owner:
	$(PYTHON) tools/set_owner.py "$(NAME)"

# What this machine has of what the notebooks need, each line [ok] or [missing].
check-environment: .venv/ready
	@$(BIN)/python -m medmnist_keras check

clean:
	rm -rf build notebooks/build .pytest_cache .ruff_cache .mypy_cache

.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c "import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else 'Python 3.11, 3.12 or 3.13 is needed, for TensorFlow has no wheels for others; this is %d.%d. Try: make PYTHON=python3.12' % v)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet "$$(grep -o '^uv[^ ]*' requirements-test.txt)"
	$(INSTALL) --requirement requirements.txt --editable .
	touch $@

.venv/ready-test: .venv/ready requirements-test.txt
	$(INSTALL) --requirement requirements-test.txt
	touch $@
