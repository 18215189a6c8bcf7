# `make demo` and `make test` set up everything they need in .venv.
PYTHON ?= python3
RUN := .venv/bin/python
SAMPLES ?= ../shared

.PHONY: help setup test lint demo demo-real demo-3d table wheel distill-study clean

help:
	@echo "make demo       set up, train a small model on drawn people, infer"
	@echo "make demo-real  the same on real photos ($(SAMPLES)/samples/coco)"
	@echo "make demo-3d    RTMW3D-t learns drawn people in 3D, pictures and a video"
	@echo "make test       set up and run the tests"
	@echo "make lint       ruff"
	@echo "make table      parameters and GFLOPs of every size"
	@echo "make setup      only the environment, in .venv"
	@echo "make clean      remove .venv, outputs and work_dirs"

setup:
	@$(PYTHON) tools/setup_env.py

test: setup
	$(RUN) -m pytest -q

lint: setup
	$(RUN) -m ruff check .

demo: setup
	$(RUN) projects/rtmw/demo.py

demo-real: setup
	$(RUN) projects/rtmw/demo_real.py --shared $(SAMPLES)

demo-3d: setup
	$(RUN) projects/rtmw/demo_3d.py

distill-study: setup
	$(RUN) tools/distill_study.py

table: setup
	$(RUN) tools/model_table.py

wheel: setup
	$(RUN) -m pip wheel -q --no-deps --no-build-isolation -w dist .

clean:
	rm -rf .venv outputs work_dirs build dist *.egg-info
