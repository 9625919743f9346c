# What `./dev python`, `wheel` and `bench-python` do; ./dev reads it, and has `say`, `quietly` and
# `jobs`.

# Where a Python's environment, build and everything else of its tests lie.
python_home() {
  local version
  version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  echo "$PWD/build/python/$version"
}

# The environment of $PYTHON (python3) with what tests/python/requirements.txt pins.
python_environment() {
  local python=${PYTHON:-python3} home=$1
  [[ -x $home/venv/bin/python ]] || quietly "$python" -m venv "$home/venv"
  if ! cmp -s tests/python/requirements.txt "$home/requirements.txt"; then
    say "installing what tests/python/requirements.txt pins"
    quietly "$home/venv/bin/pip" install --disable-pip-version-check \
      -r tests/python/requirements.txt
    cp tests/python/requirements.txt "$home/requirements.txt"
  fi
}

# pip does not say what it builds with: one fixed place, so that it need not begin anew.
python_pip() {
  local home=$1
  shift
  quietly env CMAKE_BUILD_PARALLEL_LEVEL="$jobs" PATH="$home/venv/bin:$PATH" \
    "$home/venv/bin/pip" "$@" --disable-pip-version-check --no-build-isolation --no-deps \
    --config-settings=build-dir="$home/build" ./bindings/python
}

# Runs the tests of the package that an environment has installed; towpath.pika is compared with
# what was recorded of RabbitMQ (./dev pika does so with RabbitMQ itself).
python_tests() {
  local home=$1 environment=$2
  shift 2
  quietly cmake --build "$home/build" --target python_peer --parallel "$jobs"
  TOWPATH_PEER=$home/build/python_peer "$environment/bin/python" -m pytest -q \
    -p no:cacheprovider tests/python tests/pika/compare.py --recorded tests/pika/recorded "$@"
}

# Builds the package and installs it in the environment of $PYTHON.
python_install() {
  local home=$1
  python_environment "$home"
  say "building the Python package, ${home##*/}"
  python_pip "$home" install --force-reinstall
}

# Then runs pytest with these arguments.
python_test() {
  local home
  home=$(python_home "${PYTHON:-python3}")
  python_install "$home"
  say "testing the Python package, ${home##*/}"
  python_tests "$home" "$home/venv" "$@"
}

# Builds a wheel, and tests it in an environment that has nothing else of ours.
python_wheel() {
  local home fresh
  home=$(python_home "${PYTHON:-python3}")
  python_environment "$home"
  say "building a wheel, ${home##*/}"
  rm -rf "$home/wheel" "$home/fresh"
  python_pip "$home" wheel --wheel-dir "$home/wheel"
  fresh=$home/fresh
  quietly "${PYTHON:-python3}" -m venv "$fresh"
  quietly "$fresh/bin/pip" install --disable-pip-version-check "$home"/wheel/*.whl \
    -r <(grep -E '^(numpy|pytest)' tests/python/requirements.txt)
  say "testing the wheel, ${home##*/}"
  python_tests "$home" "$fresh"
  mkdir -p build/wheels
  cp "$home"/wheel/*.whl build/wheels/
  say "$(cd build/wheels && ls -1 "$home"/wheel/ | sed 's#^#build/wheels/#')"
}

# Measures it beside the peers of Python, which only this needs.
python_bench() {
  local home
  home=$(python_home "${PYTHON:-python3}")
  python_install "$home"
  quietly "$home/venv/bin/pip" install --disable-pip-version-check -r bench/python/requirements.txt
  "$home/venv/bin/python" bench/python/main.py "$@"
}
