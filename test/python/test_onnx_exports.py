# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What files from other exporters have: loops without a trip count, scans along other axes, sizes named "?", a branch for each rate of
samples, results without shapes - and layers that onnxruntime computes less exactly than the import."""
import numpy as np
import pytest
from conftest import BUILD, SOURCE
from test_onnx import prec

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

HEADER = '<ir_version: 8, opset_import: ["" : 17]>'


def imported(folder, text, *options):
    """The first line of the module, which says whether onnxruntime agrees."""
    onnx.save(onnx.parser.parse_model(HEADER + text), folder / "m.onnx")
    done = prec("import", folder / "m.onnx", "-o", folder / "m.mlir", *options)
    assert done.returncode == 0, done.stderr
    first = (folder / "m.mlir").read_text().splitlines()[0]
    assert "checked against onnxruntime" in first, first
    return first


def refused(folder, text, *options):
    onnx.save(onnx.parser.parse_model(HEADER + text), folder / "m.onnx")
    done = prec("import", folder / "m.onnx", "-o", folder / "m.mlir", *options)
    assert done.returncode == 1 and not (folder / "m.mlir").exists()
    return done.stderr


def loop(limit, start="0", count="", declarations=""):
    """As tf2onnx writes a recurrent layer: counts up from `start` while it is below `limit`, and adds a row each time."""
    return f"""
    g (float[5,3] x, int64 n) => (float[3] h, float[r,3] rows) {{
      start = Constant<value = int64 {{{start}}}>()
      limit = {limit}
      {declarations}
      zero = Constant<value = float[3] {{0, 0, 0}}>()
      going = Less(start, limit)
      last, h, rows = Loop({count}, going, start, zero)
        <body = b (int64 i, bool c, int64 at, float[3] state) => (bool go, int64 next, float[3] new, float[3] row) {{
          one = Constant<value = int64 {{1}}>()
          row = Gather<axis = 0>(x, at)
          half = Constant<value = float {{0.5}}>()
          kept = Mul(state, half)
          new = Add(kept, row)
          next = Add(at, one)
          go = Less(next, limit)
        }}>
    }}"""


def constant(n):
    return f"Constant<value = int64 {{{n}}}>()"


@pytest.mark.parametrize("limit, start, count", [(4, 0, ""), (5, 2, ""), (1, 3, ""), (5, 0, "three")])
def test_the_trips_of_a_loop_are_counted(tmp_path, limit, start, count):
    three = "three = Constant<value = int64 {3}>()" if count else ""
    imported(tmp_path, loop(constant(limit), start, count, three))
    trips = min(max(limit - start, 0), 3 if count else 99)
    assert f"tensor<{trips}x3xf32>" in (tmp_path / "m.mlir").read_text()  # exact: no part is cut out of a longer result


def test_a_condition_on_the_trip_itself(tmp_path):
    """It leaves before the trip count does."""
    three = "three = Constant<value = int64 {9}>()"
    text = loop(constant(2), 0, "three", three).replace("go = Less(next, limit)", "go = Less(i, limit)")
    imported(tmp_path, text)
    assert "tensor<3x3xf32>" in (tmp_path / "m.mlir").read_text()


def test_a_loop_up_to_a_value_has_no_known_count(tmp_path):
    said = refused(tmp_path, loop("Identity(n)"))
    assert "(Loop)" in said and "a loop without a trip count, whose condition depends on values" in said


def test_a_hostile_condition_is_not_computed(tmp_path):
    """Numbers of the condition that are no single ones, whatever they would come to."""
    text = loop(constant(4)).replace("go = Less(next, limit)", """four = Constant<value = int64[1] {4}>()
          many = Expand(next, four)
          most = ReduceMax<keepdims = 0>(many)
          go = Less(most, limit)""")
    assert "a loop without a trip count" in refused(tmp_path, text)


def test_an_endless_loop_is_refused(tmp_path):
    said = refused(tmp_path, loop(constant(1 << 40)))
    assert "a loop without a trip count" in said


@pytest.mark.parametrize("axis_in, axis_out, back_in, back_out", [(0, 0, 0, 0), (1, 0, 0, 0), (-1, 1, 1, 0), (0, -1, 0, 1), (1, 1, 1, 1)])
def test_a_scan_goes_along_any_axis_either_way(tmp_path, axis_in, axis_out, back_in, back_out):
    length = (4, 6)[axis_in]
    row = 10 - length
    shape = [row, row]
    shape.insert(axis_out % 3, length)
    imported(tmp_path, f"""
    g (float[4,6] x) => (float[{row}] s, float[{','.join(map(str, shape))}] y) {{
      size = Constant<value = int64[1] {{{row}}}>()
      zero = ConstantOfShape<value = float[1] {{0}}>(size)
      s, y = Scan<num_scan_inputs = 1, scan_input_axes = [{axis_in}], scan_output_axes = [{axis_out}],
                  scan_input_directions = [{back_in}], scan_output_directions = [{back_out}],
        body = b (float[{row}] state, float[{row}] part) => (float[{row}] new, float[{row},{row}] outer) {{
          new = Add(state, part)
          axis = Constant<value = int64[1] {{1}}>()
          column = Unsqueeze(new, axis)
          outer = Mul(column, part)
        }}>(zero, x)
    }}""")


@pytest.mark.parametrize("length", [4, 6, 9])
def test_a_transform_is_longer_or_shorter_than_its_signal(tmp_path, length):
    imported(tmp_path, f"""
    g (float[2,6,1] x) => (float[2,{length},2] y) {{
      n = Constant<value = int64 {{{length}}}>()
      y = DFT<axis = 1>(x, n)
    }}""")


TWO_RATES = """
    g (float[1,n] x, int64 rate) => (float[1,m] y) {
      known = Constant<value = int64 {16000}>()
      fast = Equal(rate, known)
      y = If(fast)<
        then_branch = a () => (float[1,m] p) { p = Concat<axis = 1>(x, x) },
        else_branch = c () => (float[1,m] q) {
          one = Constant<value = float[1] {1}>()
          list = Constant<value = int64[1] {1}>()
          size = Reshape(rate, list)
          many = Expand(one, size)
          q = Add(x, many)
        }>
    }"""


def test_a_value_chooses_a_branch_and_the_other_need_not_fit(tmp_path):
    said = refused(tmp_path, TWO_RATES, "--shape=x=1x7", "--value=rate=8000")
    assert "(Add)" in said
    imported(tmp_path, TWO_RATES, "--shape=x=1x7", "--value=rate=16000")
    text = (tmp_path / "m.mlir").read_text()
    assert "scf.if" not in text and 'prec.name = "rate"' not in text


@pytest.mark.parametrize("value, words", [
    ("z=1", "no input 'z'"), ("rate=1.5", "has elements of int64; found 1.5"), ("rate=1,2", "has shape [2]; expected []"),
    ("rate=fast", "expected NAME=NUMBER"), ("rate=/absent.npy", "cannot read '/absent.npy'"), ("=3", "expected NAME=NUMBER"),
])  # fmt: skip
def test_values_that_do_not_fit(tmp_path, value, words):
    assert words in refused(tmp_path, TWO_RATES, "--shape=x=1x7", f"--value={value}")


def test_a_value_from_a_file(tmp_path):
    np.save(tmp_path / "w.npy", np.arange(3.0))
    text = "g (float[2,3] x, float[3] w) => (float[2,3] y) { y = Mul(x, w) }"
    imported(tmp_path, text, f"--value=w={tmp_path / 'w.npy'}")
    assert 'prec.name = "w", prec.role = "input"' not in (tmp_path / "m.mlir").read_text()


def test_sizes_that_have_no_name(tmp_path):
    """Paddle calls all unknown sizes "?", others -1; results may have no shape."""
    model = onnx.parser.parse_model(HEADER + "g (float[a,b,c] x) => (float[a,b,c] y) { y = Relu(x) }")
    dims = model.graph.input[0].type.tensor_type.shape.dim
    dims[0].dim_param, dims[1].dim_param, dims[2].dim_value = "?", "?", -1
    model.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(model, tmp_path / "m.onnx")
    done = prec("import", tmp_path / "m.onnx", "-o", tmp_path / "m.mlir", "--shape=x=2x3x4")
    assert done.returncode == 0, done.stderr
    assert "tensor<2x3x4xf32>" in (tmp_path / "m.mlir").read_text()


class Inexact:
    """onnxruntime, if its sigmoid had steps of 1/1000."""

    def __init__(self, session):
        self.session = session

    def run(self, names, inputs):
        feeds = {v.name for v in self.session.get_inputs()}
        found = self.session.run(names, {n: a for n, a in inputs.items() if n in feeds})
        return [np.round(v, 3) if n == "p" else v for n, v in zip(names, found)]


def test_where_onnxruntime_is_less_exact_the_import_is_not_to_blame(tmp_path, monkeypatch):
    monkeypatch.setenv("PREC_BUILD_DIR", str(BUILD))
    monkeypatch.syspath_prepend(str(SOURCE / "python"))
    import prec.onnx as front_end
    from prec.onnx import check

    text = HEADER + """g (float[4,5] x) => (float[4,5] p, float[4,5] y) {
      p = Sigmoid(x)
      n = Exp(p)
      y = Mul(n, x)
    }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "m.onnx")
    session = check.session
    monkeypatch.setattr(check, "session", lambda *arguments: Inexact(session(*arguments)))
    model = front_end.import_model(tmp_path / "m.onnx")
    worst, scopes = check.check(model)
    assert scopes == ["Sigmoid"] and worst < 1e-6
    # The same import with another function in its place is to blame.
    model.text = model.text.replace("math.exp ", "math.exp2 ")
    with pytest.raises(check.FrontendError, match="differs from onnxruntime: 'p' differs"):
        check.check(model)


def narrow_sum(count):
    """A product of f16 that sums `count` ones: f16 alone stops at 2048."""
    return f"""
    g (float16[1,{count}] x, float16[{count},1] w) => (float16[1,1] y, float16[1] s) {{
      axis = Constant<value = int64[1] {{1}}>()
      y = MatMul(x, w)
      s = ReduceSum<keepdims = 0>(x, axis)
    }}"""


def test_sums_of_narrow_floats_grow_in_f32(tmp_path, run):
    count = 5000
    imported(tmp_path, narrow_sum(count))
    for k, shape in enumerate([(1, count), (count, 1)]):
        np.save(tmp_path / f"in{k}.npy", np.ones(shape, np.float16))
    run(
        "prec-run", tmp_path / "m.mlir", "--input", tmp_path / "in0.npy", "--input", tmp_path / "in1.npy",
        "--output", tmp_path / "y.npy", "--output", tmp_path / "s.npy",
    )  # fmt: skip
    assert np.load(tmp_path / "y.npy") == np.load(tmp_path / "s.npy") == np.float16(count)


@pytest.mark.parametrize("words", [
    'mode = "linear"', 'mode = "cubic"', 'mode = "cubic", cubic_coeff_a = -0.5, exclude_outside = 1', 'mode = "linear", exclude_outside = 1',
    'mode = "linear", coordinate_transformation_mode = "asymmetric"',
])  # fmt: skip
@pytest.mark.parametrize("scales", ["1, 1, 0.4, 0.7", "1, 1, 0.3, 1.6"])
def test_resizing_with_antialias(tmp_path, words, scales):
    text = f"""g (float[2,3,11,13] x) => (float[a,b,c,d] y) {{
      s = Constant<value = float[4] {{{scales}}}>()
      y = Resize<antialias = 1, {words}>(x, , s)
    }}"""
    onnx.save(onnx.parser.parse_model(HEADER.replace("17", "19") + text), tmp_path / "m.onnx")
    done = prec("import", tmp_path / "m.onnx", "-o", tmp_path / "m.mlir")
    assert done.returncode == 0, done.stderr
    assert "checked against onnxruntime" in (tmp_path / "m.mlir").read_text().splitlines()[0], done.stderr


def test_an_axis_that_is_not_resized_may_be_free(tmp_path):
    """What is not covered here goes to no other importer: of the one at hand the module would fail when it runs."""
    resize = "s = Constant<value = float[4] {%s}>() y = Resize<mode = \"linear\">(x, , s) }"
    imported(tmp_path, "g (float[n,3,8,8] x) => (float[n,3,16,4] y) { " + resize % "1, 1, 2, 0.5")
    assert "tensor<?x3x16x4xf32>" in (tmp_path / "m.mlir").read_text()
    folder = tmp_path / "refused"
    folder.mkdir()
    said = refused(folder, "g (float[n,3,8,8] x) => (float[m,3,16,8] y) { " + resize % "2, 1, 2, 1")
    assert "(Resize): sizes that are not known; give --shape" in said
