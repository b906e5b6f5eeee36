#!/bin/sh
# Greets whoever is named, or the whole world.
set -eu
printf 'Hello, %s!\n' "${1:-world}"
