#!/bin/sh
# Copies the lessons to build/lab for JupyterLab. A copy that the reader has
# changed is kept; an unchanged one follows the lesson.
set -eu
cd "$(dirname "$0")/.."
for lesson in notebooks/*.ipynb notebooks/solutions/*.ipynb; do
  name=${lesson#notebooks/}
  copy=build/lab/$name
  from=build/lab/.from/$name # the lesson of which the copy was made
  mkdir -p "$(dirname "$copy")" "$(dirname "$from")"
  if [ ! -e "$copy" ] || cmp -s "$copy" "$from"; then
    cp "$lesson" "$copy"
    cp "$lesson" "$from"
  elif ! cmp -s "$lesson" "$from"; then
    echo "$copy keeps your changes. The lesson is newer: move the copy away to get it." >&2
  fi
done
