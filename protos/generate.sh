#!/usr/bin/env bash
# Generate placet/api/**/*_pb2*.py[i] from proto/. Run by `make protos`; `make check` fails when the result differs.
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON:-../.venv/bin/python}
out=${1:-.}
bin=$(dirname "$python")
find "$out/placet/api" -name '*_pb2*' -delete 2>/dev/null || true
googleapis=$("$python" -c 'import google.rpc, pathlib; print(pathlib.Path(list(google.rpc.__path__)[0]).parents[1])')
PATH="$bin:$PATH" "$python" -m grpc_tools.protoc -Iproto -I"$googleapis" \
  --python_out="$out" --grpc_python_out="$out" --mypy_out=quiet:"$out" --mypy_grpc_out=quiet:"$out" \
  $(cd proto && find placet -name '*.proto' | sort)
find "$out/placet/api" -type d -exec sh -c '[ -f "$1/__init__.py" ] || printf "\"\"\"Generated from protos/proto. Do not edit.\"\"\"\n" > "$1/__init__.py"' _ {} \;
