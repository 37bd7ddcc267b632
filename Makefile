# The two commands of the README, and what they need. Everything else is CMake's.
BUILD := build/dev
JOBS ?= $(shell nproc)
PACKAGES := $(shell sed 's/#.*//' .ci/packages.txt)

.PHONY: demo check build packages clean

demo: build
	@python3 tests/demo/demo.py --programs $(BUILD)/bin --folder demo

check: build
	@cd $(BUILD) && CTEST_OUTPUT_ON_FAILURE=1 ctest -j$(JOBS)

build: packages
	@cmake --preset dev > $(BUILD)-configure.log 2>&1 || { cat $(BUILD)-configure.log; exit 1; }
	@ninja -C $(BUILD) -j$(JOBS) --quiet

# Installs what is missing, as root or with sudo; without either it prints the one line to run and stops.
packages:
	@mkdir -p build; missing=$$(.ci/missing-packages); if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then as_root=; elif command -v sudo > /dev/null; then as_root=sudo; \
	  else echo "Run this as root, then try again:"; echo "  apt-get install -y --no-install-recommends $$missing"; exit 1; fi; \
	  echo "Installing: $$missing"; \
	  $$as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as_root apt-get install -y -qq --no-install-recommends $$missing > build/packages.log 2>&1 \
	  || { tail -20 build/packages.log; exit 1; }; fi

clean:
	rm -rf build demo
