# Every target sets up what it needs in .venv. `make help` lists the targets.
PYTHON ?= python3
RUN := .venv/bin/python
# Photos with COCO-WholeBody annotations, for demo-real and eval-real.
SAMPLES ?= ../shared

.DEFAULT_GOAL := help
.PHONY: help runtime setup wheel clean demo test test-web lint coverage fuzz \
	docs eval-synthetic eval-real eval-photos photos synthetic-val table check-exports \
	bench-results bench-stream \
	distill-study ablation-study

help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9%-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Environment

runtime: ## the environment of rtmw, in .venv, without torch
	@$(PYTHON) -IS tools/setup_env.py runtime

setup: runtime ## the environment of training and tests, in .venv
	@$(PYTHON) -IS tools/setup_env.py

wheel: runtime ## a wheel, in dist/
	$(RUN) -m pip wheel -q --no-deps --no-build-isolation -w dist .

clean: ## remove .venv, outputs, work_dirs and builds
	rm -rf .venv outputs work_dirs build dist site *.egg-info

##@ Demos

INFER = .venv/bin/rtmw infer projects/rtmw/people.jpg \
	--det rtmdet-nano --second-look --overwrite
demo: runtime ## find people in a picture, in 2D and 3D, offline
	$(INFER) --pose rtmw-t --out outputs/demo/2d
	$(INFER) --pose rtmw3d-t --scene --out outputs/demo/3d
	@ls outputs/demo/*/*

demo-real: FLAGS = --shared $(SAMPLES)
demo-%: setup ## a demo of projects/rtmw that trains: demo-train, demo-3d, demo-real
	$(RUN) projects/rtmw/demo_$*.py $(FLAGS)

##@ Checks

# Files in their order: by default, those of one long test come last, alone.
TWO = -n 2 --dist loadfile --no-loadscope-reorder

test: setup ## all tests
	$(RUN) -m pytest -q $(TWO)

test-web: setup ## the page of rtmw serve in headless Chromium
	$(RUN) -m pip install -q -r requirements/web.txt
	$(RUN) -m pytest -q -n 0 tests/serve/test_page_in_browser.py

lint: setup ## ruff, layout, types, code that stands twice
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m pylint rtmw_ext

coverage: setup ## all tests, and the share of lines that they run
	$(RUN) -m pytest -q $(TWO) --cov

bench-results: setup ## memory of result files, and what is left after SIGKILL and SIGTERM (half an hour)
	$(RUN) tools/bench/memory.py
	$(RUN) tools/bench/kill.py

bench-stream: setup ## lag and memory of a stream that is too fast, over RTSP (5 minutes)
	$(RUN) tools/bench/stream.py

RUNS ?= 300
fuzz: setup ## damaged inputs of every kind: RUNS=N of each, SEED=S (minutes)
	$(RUN) tools/fuzz.py --runs $(RUNS) --seed $(or $(SEED),0)

check-exports: setup ## every released model in every format, beside PyTorch (minutes)
	$(RUN) tools/check_exports.py

##@ Documentation

docs: export NO_MKDOCS_2_WARNING = 1
docs: setup ## the site with the API reference, in site/
	$(RUN) -m pip install -q -r requirements/docs.txt
	$(RUN) tools/docs/draw_architecture.py docs/architecture.md
	$(RUN) tools/docs/write_tables.py docs/models.md docs/serve.md
	$(RUN) -m mkdocs build --strict

table: setup ## parameters and GFLOPs of every size
	$(RUN) tools/model_table.py

##@ Evaluation

# What is there already is kept.
synthetic-val: setup ## write 2,000 rendered people to data/synthetic
	$(RUN) tools/dataset/synthesize.py --num 1001 --people 1 3 --seed 2026 \
		--split val --out data/synthetic

SYNTHETIC = configs/synthetic/$(1)_synthetic-256x192.py
SECOND_LOOK = --cfg-options model.test_cfg.second_look=rtmw-t-parts
eval-synthetic: synthetic-val ## AP and MPJPE of the shipped weights
	$(RUN) tools/test.py $(call SYNTHETIC,rtmw-t) rtmw-t
	$(RUN) tools/test.py $(call SYNTHETIC,rtmw-t) rtmw-t $(SECOND_LOOK)
	$(RUN) tools/test.py $(call SYNTHETIC,rtmw3d-t) rtmw3d-t
	$(RUN) tools/test.py $(call SYNTHETIC,rtmw3d-t) rtmw3d-t $(SECOND_LOOK)

eval-real: setup ## AP of the shipped weights on the photos of SAMPLES
	$(RUN) tools/test_network.py $(SAMPLES)/samples/coco/test_coco_wholebody.json \
		$(SAMPLES)/samples/coco rtmw-t --second-look --out outputs/eval-real \
		--sheet outputs/eval-real/points.jpg

# In an environment of its own: MediaPipe needs an older numpy.
MEDIAPIPE = .venv-mediapipe/bin/python
$(MEDIAPIPE):
	$(PYTHON) -m venv .venv-mediapipe
	.venv-mediapipe/bin/pip install -q mediapipe==0.10.21 'numpy<2'

eval-photos: synthetic-val $(MEDIAPIPE) ## the shipped weights on photos of SAMPLES, beside MediaPipe
	$(RUN) tools/bench/eval_photos.py --shared $(SAMPLES) --mediapipe $(MEDIAPIPE)

##@ Training data

# Clones of the public repositories that ../shared/real/README.md names.
PUBLIC ?= data/public
CROPS = $(RUN) tools/dataset/photos.py $(SAMPLES)/real
LSP = --originals $(PUBLIC)/lsp/images
CCP = --originals $(PUBLIC)/clothing-co-parsing/photos
FEDB = --originals $(PUBLIC)/free-exercise-db/exercises
SPORTS = $(PUBLIC)/SportsActivityDetection
BACKGROUNDS = --backgrounds $(SPORTS)/test_1000_flat
# MoveNet Thunder of TensorFlow Hub, a .tflite file, as ONNX (docs/photos.md).
MOVENET ?= data/movenet-thunder.onnx
DETECTOR ?= $(SAMPLES)/weights/rtmdet-nano_person_320.onnx
photos: setup $(MEDIAPIPE) ## crops of people in photos and rendered ones, in data/photos
	$(RUN) tools/dataset/label_photos.py $(SPORTS)/train --out data/sports \
		--detector $(DETECTOR) --movenet $(MOVENET) --mediapipe $(MEDIAPIPE) \
		--box-score 0.4
	$(RUN) tools/dataset/photos.py data/sports --out data/photos/sports
	$(CROPS)/lspet $(LSP) --out data/photos/lspet
	$(CROPS)/ccp $(CCP) --out data/photos/ccp
	$(CROPS)/fedb $(FEDB) --out data/photos/fedb
	$(CROPS)/lfw --out data/photos/lfw
	$(CROPS)/asl $(BACKGROUNDS) --out data/photos/asl
	$(CROPS)/ccp $(CCP) --kind bust --out data/photos/ccp-bust
	$(CROPS)/fedb $(FEDB) --kind bust --out data/photos/fedb-bust
	$(CROPS)/ccp $(CCP) --kind part --out data/photos/ccp-parts
	$(CROPS)/fedb $(FEDB) --kind part --out data/photos/fedb-parts
	$(CROPS)/lfw --kind part --out data/photos/lfw-parts
	$(CROPS)/asl $(BACKGROUNDS) --kind part --out data/photos/asl-parts
	$(RUN) tools/dataset/synthesize.py --format crops --num 6144 --seed 3101 \
		$(BACKGROUNDS) --out data/photos/rendered

##@ Studies

distill-study: setup ## what distillation brings to a small model
	$(RUN) tools/studies/distill.py

ablation-study: setup ## what PAFPN, HEM and GAU bring to a small model
	$(RUN) tools/studies/ablation.py
