# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Street View House Numbers, cropped digits: MATLAB files to the .npz that prec-train reads.

`X` is u8, height x width x channel x sample, `y` has a label 1..10 for each sample, where 10 is the digit 0. The .npz
has sample x channel x height x width and labels 0..9.
"""

import os
from pathlib import Path
from typing import Any

from prec import tools

NAME = "svhn"
SOURCE = "http://ufldl.stanford.edu/housenumbers"


def convert(folder: str | None, output: str | Path, extra: bool = False) -> None:
    """Writes `output` from train_32x32.mat, test_32x32.mat and, with `extra`, extra_32x32.mat in `folder`."""
    import numpy as np

    if not folder:
        raise tools.ToolError(
            f"the data set svhn has no default place; give --data-dir=DIR with the files of format 2 of {SOURCE}"
        )
    parts = [_read(Path(folder) / f"{kind}_32x32.mat") for kind in ("train", "extra")[: 1 + extra]]
    x, y = (np.concatenate(each) for each in zip(*parts))
    test_x, test_y = _read(Path(folder) / "test_32x32.mat")
    draft = Path(output).with_name(f"{Path(output).name}-{os.getpid()}.npz")
    try:
        np.savez(draft, x_train=x, y_train=y, x_test=test_x, y_test=test_y)
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path) -> Any:
    import numpy as np

    try:
        import scipy.io
    except ImportError as error:
        raise tools.ToolError(
            f"reading MATLAB's files takes the package 'scipy', which is not installed ({error}); "
            "pip install scipy"
        ) from None
    if not path.exists():
        raise tools.ToolError(f"the data set '{NAME}' is not here: no file '{path}'; it is at {SOURCE}")
    try:
        found = scipy.io.loadmat(path, variable_names=["X", "y"])
    except Exception as error:  # whatever a damaged file does to the reader
        raise tools.ToolError(f"'{path}' is no MATLAB file that scipy can read: {error}") from None
    for name in "X", "y":
        if name not in found:
            raise tools.ToolError(f"'{path}' has no variable {name}, expected X and y")
    x, y = found["X"], np.asarray(found["y"]).reshape(-1)
    if x.dtype != np.uint8 or x.ndim != 4 or x.shape[:3] != (32, 32, 3) or x.shape[3] == 0:
        raise tools.ToolError(f"'{path}': X is {x.dtype} {list(x.shape)}, expected uint8 [32, 32, 3, samples]")
    if len(y) != x.shape[3]:
        raise tools.ToolError(f"'{path}': {x.shape[3]} samples in X, but {len(y)} labels in y")
    wrong = np.flatnonzero(~np.isin(y, np.arange(1, 11)))
    if len(wrong):
        raise tools.ToolError(f"'{path}': label {wrong[0]} is {y[wrong[0]]}, expected 1..10")
    return np.ascontiguousarray(x.transpose(3, 2, 0, 1)), (y % 10).astype(np.uint8)
