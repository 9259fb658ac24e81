// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The passes between a rounded module and MLIR's LLVM dialect.
#ifndef PREC_CODEGEN_PASSES
#define PREC_CODEGEN_PASSES

include "mlir/Pass/PassBase.td"

def DecomposeComposites : Pass<"prec-decompose-composites"> {
  let summary = "write composite tensor operations as generic ones";
  let description = [{
    Operations that are several in one (`linalg.softmax`, `tensor.concat`) become
    their parts, named linalg operations become `linalg.generic`: what follows
    reads bodies, not names.
  }];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect",
                           "math::MathDialect", "tensor::TensorDialect"];
}

def LowerParameters : Pass<"prec-lower-parameters", "ModuleOp"> {
  let summary = "load run-time numbers from the context argument";
  let description = [{
    Every function with a body, and every call of one, gets a last argument
    `!llvm.ptr`: the context of the call, one `i32` for each `prec.declare` of
    the module in their order. `prec.parameter` becomes a load at the entry of
    its function, `prec.declare` a row of the module attribute `prec.context`
    (name = default). A number with a schedule is computed there from the step,
    unless the slot says otherwise. Tensor arguments of public functions are marked as not
    writable, public functions get a C interface.
  }];
  let dependentDialects = ["arith::ArithDialect", "LLVM::LLVMDialect"];
}

def NamePlaces : Pass<"prec-name-places", "ModuleOp"> {
  let summary = "keep phase, scope, role and kind of operations in locations";
  let description = [{
    Passes that come later drop attributes and names of operations; their
    locations stay, so that a kernel or a buffer can be called by its layer.
    Roundings are marked: what they become is no arithmetic of the program.
    Only for `prec-profile-kernels` and `prec-track-buffers`.
  }];
  let statistics = [
    Statistic<"places", "places", "Operations that have a name">
  ];
}

def ProfileKernels : Pass<"prec-profile-kernels", "ModuleOp"> {
  let summary = "measure each kernel";
  let description = [{
    Before each linalg operation on buffers, loop nest, copy and call of the
    engine comes a call of `prec_profile_begin`, behind it one of
    `prec_profile_end`, functions of the engine (prec/Execution/Profile.h). The
    first gets the kernel's name, its floating-point operations and the bytes of
    its operands. Both counts are exact: those of the body (an operation on
    floats is one, an fma two, what roundings consist of none) times the points
    of the iteration space, which may be known at run time only; each element of
    a buffer that is read or written once. Of plain loops with bounds that are
    not constant the operations are not known. Loops around kernels are not
    measured themselves. No operation on values changes.
  }];
  let dependentDialects = ["arith::ArithDialect", "func::FuncDialect",
                           "LLVM::LLVMDialect", "memref::MemRefDialect"];
  let statistics = [
    Statistic<"kernels", "kernels", "Kernels that are measured">
  ];
}

def TrackBuffers : Pass<"prec-track-buffers", "ModuleOp"> {
  let summary = "tell the engine which buffers live";
  let description = [{
    After each `memref.alloc` comes a call of `prec_buffer_live` with the
    buffer's layer and type, before each `memref.dealloc` one of
    `prec_buffer_dead` (prec/Execution/LiveBuffers.h). Those in parallel loops
    are left out. No operation on values changes.
  }];
  let dependentDialects = ["arith::ArithDialect", "func::FuncDialect",
                           "LLVM::LLVMDialect", "memref::MemRefDialect"];
  let statistics = [
    Statistic<"buffers", "buffers", "Allocations that are told of">
  ];
}

def EraseDeallocations : Pass<"prec-erase-deallocations"> {
  let summary = "leave the release of buffers to the compiler";
  let description = [{
    Erases `memref.dealloc`. Upstream's ownership-based deallocation, which
    comes later and releases every allocation, refuses functions that have one.
  }];
}

def InlineScopes : Pass<"prec-inline-scopes"> {
  let summary = "inline scopes of stack memory that hold none";
  let description = [{
    Each loop of the OpenMP dialect comes with a `memref.alloca_scope` around
    its body, which has to go before branches come. Upstream's canonicalisation
    of that operation, and of nothing else: canonicalising all operations again
    took ten times as long as lowering them where kernels have long blocks.
  }];
}

def CallRoundArray : Pass<"prec-call-round-array", "ModuleOp"> {
  let summary = "call the engine where a tensor's elements share a scale";
  let description = [{
    A rounding to a format with a shared scale (MX, NVFP4, block floating point,
    AdaptivFloat, scaled integers) reads the whole tensor before it writes any
    element. It becomes a call of `prec_round_array_f32` or `_f64`, a function of
    the engine (prec/Execution/RoundArrayCall.h) with the bits of
    `prec-run --round-array`, from a buffer into a new one. In stochastic modes
    it gets the call's key, and an element's word is that of its position, as for
    every other format.
  }];
  let dependentDialects = ["arith::ArithDialect",
                           "bufferization::BufferizationDialect",
                           "func::FuncDialect", "LLVM::LLVMDialect",
                           "memref::MemRefDialect", "tensor::TensorDialect"];
}

def CheckIndices : Pass<"prec-check-indices", "ModuleOp"> {
  let summary = "report indices from data that are outside of their tensor";
  let description = [{
    An index of `tensor.extract` or `tensor.insert` that depends on data (a
    token, a label, an argument) is compared with the size of its dimension
    before the operation that uses it: in the body of a `linalg.generic` all of
    them by a reduction of its own, elsewhere at the place. If one is outside,
    `prec_report_index` is called, a function of the engine, and the call of the
    entry ends with an error; the operation itself uses the nearest index
    inside. Indices of constants, sizes and loops alone, and those that the
    program limits to the tensor, are left as they are.
  }];
  let dependentDialects = ["arith::ArithDialect", "func::FuncDialect",
                           "linalg::LinalgDialect", "LLVM::LLVMDialect",
                           "scf::SCFDialect", "tensor::TensorDialect"];
}

def ExpandRounding : Pass<"prec-expand-rounding"> {
  let summary = "write roundings of tensors as elementwise linalg.generic";
  let description = [{
    So that they fuse with what computes and what uses the tensor, and while
    `linalg.index` can still tell an element's position to its random word.
  }];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect",
                           "tensor::TensorDialect"];
}

def FixOrder : Pass<"prec-fix-order"> {
  let summary = "make the order of every floating-point reduction explicit";
  let description = [{
    1. Fast-math flags go.
    2. A contraction, `add(acc, mul(a, b))` with `a` and `b` two unmodified
       inputs, accumulates by `math.fma`.
    3. A reduction `c(acc, g)` with `c` one of `arith.addf`, `mulf`, `maximumf`,
       `minimumf` and `g` independent of `acc`, where the last result of the
       first input's indexing map is a reduction dimension by itself, becomes 16
       interleaved partial results: element k of the flattened reduction joins
       partial k mod 16, the partials are joined by halves (8, 4, 2, 1), then
       with the initial value. A contraction without a parallel dimension does
       the same with an fma in each partial.
    4. Everything else stays as it is: reduction dimensions ascend.

    What comes out computes the same with any order of its parallel dimensions
    and ascending reduction dimensions. After this pass nothing may reassociate.

    A partial that has no element yet holds the neutral element of `c` (-0, 1,
    -inf, +inf; -0 for an fma), which is the same as starting with the first.
  }];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect",
                           "math::MathDialect", "tensor::TensorDialect",
                           "bufferization::BufferizationDialect"];
  let statistics = [
    Statistic<"contractions", "contractions", "Contractions that use fma">,
    Statistic<"partials", "partials", "Reductions into 16 partial results">
  ];
}

def DropUnitDims : Pass<"prec-drop-unit-dims"> {
  let summary = "drop dimensions of one element that are read as element 0";
  let description = [{
    Importers keep the dimensions of a sum as dimensions of one element:
    `(n, c, h, w) -> (0, c, 0, 0)`. Neither the order of sums nor the kernels
    know such maps. The sum is made without them and expanded; so is what reads
    it. No loop is dropped, and no other dimension of one element.
  }];
  let dependentDialects = ["affine::AffineDialect", "linalg::LinalgDialect",
                           "tensor::TensorDialect"];
  let statistics = [
    Statistic<"dropped", "dropped", "Operations without such maps">
  ];
}

def HoistTables : Pass<"prec-hoist-tables"> {
  let summary = "compute what only some of a reduction's loops need beforehand";
  let description = [{
    A part of a reduction's body that does not depend on all loops (the random
    word of an operand's element) and takes several operations becomes a tensor
    over the loops that it needs, if that is small beside the reduction. Shifts
    and masks of a word that is the xor of two such parts go into the parts.
    What depends on no loop goes before the reduction.
  }];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect",
                           "linalg::LinalgDialect", "tensor::TensorDialect"];
  let statistics = [
    Statistic<"tables", "tables", "Parts computed beforehand">
  ];
}

def SimplifyWindows : Pass<"prec-simplify-windows"> {
  let summary = "make products of reductions over windows of one element";
  let description = [{
    In a 1 x 1 convolution the loops over the window make one trip. Without them
    an image is read at its loops alone, so that lines of it count as one, and
    the kernel is a product's. With a stride, the elements that are read are
    copied side by side first. Each sum keeps its order.
  }];
  let dependentDialects = ["linalg::LinalgDialect", "tensor::TensorDialect"];
  let statistics = [
    Statistic<"simplified", "simplified", "reductions and inputs">
  ];
}

def PackOperands : Pass<"prec-pack-operands"> {
  let summary = "transpose operands that a reduction's kernel reads across";
  let description = [{
    For each reduction: which parallel dimension should be the vector, if
    inputs (and the output) were first copied to a layout that has this
    dimension last? The cheapest way by the model of KernelCost.h, copies
    included, is taken: weights of a convolution with channels last, the second
    operand of A * B^T. Loops and body stay, so positions and order do.
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "unsigned", "128",
           "width of a vector register">,
    Option<"vectorRegisters", "vector-registers", "unsigned", "16",
           "number of vector registers">
  ];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect",
                           "tensor::TensorDialect"];
  let statistics = [
    Statistic<"packed", "packed", "Reductions with packed operands">
  ];
}

def LowerRounding : Pass<"prec-lower-rounding"> {
  let summary = "write rounding and random bits as arith operations";
  let description = [{
    `prec.round`, `prec.random`, `prec.key` and `prec.join` of scalars and vectors become the
    algorithms of Numerics, emitted by the arith model of the abstract word. What
    depends on run-time parameters only is computed where these are defined.
    With `shifters`, nearest-even takes Shifter.h's additions where it can, with
    the same bits.
  }];
  let dependentDialects = ["arith::ArithDialect", "vector::VectorDialect"];
  let options = [
    Option<"shifters", "shifters", "bool", /*default=*/"false",
           "Nearest-even by additions">
  ];
  let statistics = [
    Statistic<"rounds", "rounds", "Roundings lowered">
  ];
}

def LowerMath : Pass<"prec-lower-math"> {
  let summary = "write math functions as arith operations";
  let description = [{
    Functions become the algorithms of Numerics; what is exact in hardware
    (`math.sqrt`, `math.fma`, rounding to integers, sign manipulation) stays. A
    function that has no algorithm yet is an error: the C library's results
    differ from machine to machine.
  }];
  let dependentDialects = ["arith::ArithDialect", "math::MathDialect",
                           "vector::VectorDialect"];
}

def LowerCopies : Pass<"prec-lower-copies"> {
  let summary = "write copies of strided buffers as loops";
  let description = [{
    `memref.copy` between buffers that are not both contiguous would call a
    run-time library; it becomes an elementwise `linalg.generic`.
  }];
  let dependentDialects = ["linalg::LinalgDialect"];
}

def EmitKernels : Pass<"prec-emit-kernels"> {
  let summary = "write linalg.generic on buffers as register-tiled vector loops";
  let description = [{
    One parallel dimension becomes the vector, another one rows of registers;
    accumulators stay in registers while the reduction dimensions ascend. What
    an element is computed from, and in which order, does not change: results
    have the bits of the plain loops. Operations that do not fit (a body with
    regions or loads) are left for `convert-linalg-to-loops`.

    An elementwise operation that reads the result of a reduction (a bias, a
    rectifier, a rounding) runs on the accumulators before they go to memory,
    where nothing in between touches the same memory.
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "unsigned", "128",
           "width of a vector register">,
    Option<"vectorRegisters", "vector-registers", "unsigned", "16",
           "number of vector registers">,
    Option<"threads", "threads", "unsigned", "1",
           "several: the outermost loop of a large operation is scf.parallel, "
           "and a kernel that revisits its results is cut in so many parts">,
    Option<"threadGrain", "thread-grain", "int64_t", "262144",
           "scalar operations from which an operation is large">
  ];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect",
                           "memref::MemRefDialect", "scf::SCFDialect",
                           "vector::VectorDialect"];
  let statistics = [
    Statistic<"kernels", "kernels", "Operations written as kernels">,
    Statistic<"epilogues", "epilogues", "Operations done at another kernel's end">,
    Statistic<"left", "left", "Operations left for plain loops">
  ];
}

def BalanceUnits : Pass<"prec-balance-units"> {
  let summary = "round half of a kernel's sums by additions instead of an fma";
  let description = [{
    Rounding to nearest-even takes a multiplication and an fma, or the
    multiplication, an addition and a subtraction, with the same bits
    (docs/pipeline.md). Where units that multiply and units that add are
    different ones, each is busy for as long with half of either.
  }];
  let dependentDialects = ["arith::ArithDialect", "math::MathDialect"];
  let options = [
    Option<"separateAdders", "separate-adders", "bool", "false",
           "The target's adders do not multiply">
  ];
  let statistics = [
    Statistic<"balanced", "balanced", "Roundings by additions">
  ];
}

def ConvertBodiesToLLVM
    : Pass<"prec-convert-bodies-to-llvm", "func::FuncOp"> {
  let summary = "prec-convert-to-llvm inside of functions, one beside another";
  let description = [{
    What needs a symbol beside the function stays: the function itself, calls,
    allocations, copies, globals and assertions. `prec-convert-to-llvm` finds
    those alone. Casts stand between the two.
  }];
  let dependentDialects = ["LLVM::LLVMDialect", "arith::ArithDialect",
                           "vector::VectorDialect"];
}

def ConvertToLLVM : Pass<"prec-convert-to-llvm", "ModuleOp"> {
  let summary = "convert arith, math, vector, memref, cf, func, omp at once";
  let description = [{
    Upstream has a pass for each dialect, each of which visits every operation;
    this one has all their patterns. Buffers come from `aligned_alloc`, masks are
    compared in 32 bits. Vector operations that need more than one step
    (transfers, contractions, vectors of vectors) must be gone.
  }];
  let dependentDialects = ["LLVM::LLVMDialect", "arith::ArithDialect",
                           "vector::VectorDialect"];
}

def CheckTypes : Pass<"prec-check-types", "ModuleOp"> {
  let summary = "refuse complex elements and floats that are no kernel's";
  let description = [{
    Complex numbers, and floats of 8 bits and less that no policy widened, are
    an error where they are made, which says what to do.
  }];
}

def CheckFastMath : Pass<"prec-check-fast-math"> {
  let summary = "refuse operations with fast-math flags";
  let description = [{
    The last pass before translation: an operation that LLVM may reassociate or
    contract is an error that names it.
  }];
}

include "prec/Codegen/FormPasses.td"
include "prec/Codegen/FusionPasses.td"
include "prec/Codegen/BufferPasses.td"

#endif // PREC_CODEGEN_PASSES
