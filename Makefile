# `make demo` and `make test` set up everything they need in .venv.
PYTHON ?= python3
RUN := .venv/bin/python
SAMPLES ?= ../shared

.PHONY: help setup test lint demo demo-train demo-real demo-3d table wheel \
	distill-study ablation-study synthetic-val eval-synthetic eval-real \
	check-exports clean

help:
	@echo "make demo       set up, find people in a picture, in 2D and 3D"
	@echo "make demo-train train a small model on drawn people, infer"
	@echo "make demo-real  the same on real photos ($(SAMPLES)/samples/coco)"
	@echo "make demo-3d    RTMW3D-t learns drawn people in 3D, pictures and a video"
	@echo "make test       set up and run the tests"
	@echo "make lint       ruff"
	@echo "make eval-synthetic  AP and MPJPE of the shipped weights"
	@echo "make eval-real  their AP on real photos ($(SAMPLES)/samples/coco)"
	@echo "make table      parameters and GFLOPs of every size"
	@echo "make check-exports  released models in every format, beside PyTorch"
	@echo "make setup      only the environment, in .venv"
	@echo "make clean      remove .venv, outputs and work_dirs"

setup:
	@$(PYTHON) tools/setup_env.py

test: setup
	$(RUN) -m pytest -q

lint: setup
	$(RUN) -m ruff check .

INFER = .venv/bin/rtmw infer projects/rtmw/people.jpg \
	--det rtmdet-nano-synthetic --second-look
demo: setup
	$(INFER) --pose rtmw-t-synthetic --out outputs/demo/2d
	$(INFER) --pose rtmw3d-t-synthetic --scene --out outputs/demo/3d
	@ls outputs/demo/*/*

demo-train: setup
	$(RUN) projects/rtmw/demo_train.py

demo-real: setup
	$(RUN) projects/rtmw/demo_real.py --shared $(SAMPLES)

demo-3d: setup
	$(RUN) projects/rtmw/demo_3d.py

distill-study: setup
	$(RUN) tools/studies/distill.py

ablation-study: setup
	$(RUN) tools/studies/ablation.py

# 2,000 people; what is there already is kept.
synthetic-val: setup
	$(RUN) tools/dataset/synthesize.py --num 1001 --people 1 3 --seed 2026 \
		--split val --out data/synthetic

SYNTHETIC = configs/synthetic/$(1)_synthetic-256x192.py
LOOK_AGAIN = --cfg-options model.test_cfg.second_look=rtmw3d-t-parts-synthetic
eval-synthetic: synthetic-val
	$(RUN) tools/test.py $(call SYNTHETIC,rtmw-t) rtmw-t-synthetic
	$(RUN) tools/test.py $(call SYNTHETIC,rtmw-t) rtmw-t-synthetic $(LOOK_AGAIN)
	$(RUN) tools/test.py $(call SYNTHETIC,rtmw3d-t) rtmw3d-t-synthetic
	$(RUN) tools/test.py $(call SYNTHETIC,rtmw3d-t) rtmw3d-t-synthetic $(LOOK_AGAIN)

# Beside a model that has seen drawn people only, which demo-train trains.
DRAWN = outputs/demo-train/train/iter_120.pth
eval-real: setup
	@test -f $(DRAWN) || $(MAKE) demo-train
	$(RUN) tools/test_network.py $(SAMPLES)/samples/coco/test_coco_wholebody.json \
		$(SAMPLES)/samples/coco rtmw-t-synthetic \
		configs/demo/rtmw-t_drawn-256x192.py=$(DRAWN) --out outputs/eval-real \
		--sheet outputs/eval-real/points.jpg
	$(RUN) tools/test_network.py $(SAMPLES)/samples/coco/test_coco_wholebody.json \
		$(SAMPLES)/samples/coco rtmw-t-synthetic --second-look

# Minutes: every released model in every format, beside PyTorch.
check-exports: setup
	$(RUN) tools/check_exports.py

table: setup
	$(RUN) tools/model_table.py

wheel: setup
	$(RUN) -m pip wheel -q --no-deps --no-build-isolation -w dist .

clean:
	rm -rf .venv outputs work_dirs build dist *.egg-info
