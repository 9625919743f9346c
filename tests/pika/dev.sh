# What `./dev pika` does; ./dev reads it, and bindings/python/dev.sh before.

# Builds and installs the package, and the pika that it is compared with; sets `home`.
pika_environment() {
  home=$(python_home "${PYTHON:-python3}")
  python_environment "$home"
  quietly "$home/venv/bin/pip" install --disable-pip-version-check \
    -r tests/pika/requirements.txt
  say "building the Python package, ${home##*/}"
  python_pip "$home" install --force-reinstall
}

# Runs the comparison with pytest's arguments; without any, the round trips as well.
pika_test() {
  local home failed=0
  pika_environment
  say "comparing towpath.pika with pika over RabbitMQ"
  "$home/venv/bin/python" -m pytest -q -p no:cacheprovider tests/pika/compare.py "$@" || failed=1
  if ((!$#)); then
    say "measuring round trips"
    "$home/venv/bin/python" tests/pika/round_trip.py --json build/pika/round_trip.json || failed=1
  fi
  return "$failed"
}
