// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes on buffers and loops, and what makes fewer buffers; Passes.td includes them.
#ifndef PREC_CODEGEN_BUFFERPASSES
#define PREC_CODEGEN_BUFFERPASSES

include "mlir/Pass/PassBase.td"

def StoreResults : Pass<"prec-store-results", "ModuleOp"> {
  let summary = "many results and arguments of an entry lie behind pointers";
  let description = [{
    An entry of more than eight results gets a pointer as its first argument and
    stores each result behind it, where the struct of them that its C interface
    fills would have it. One of more than eight arguments gets a pointer for
    each memref and loads the descriptor before its first use. The C interface
    does not change.
  }];
  let dependentDialects = ["LLVM::LLVMDialect"];
  let statistics = [
    Statistic<"changed", "changed", "Entries that changed">
  ];
}

def ReleaseOwn : Pass<"prec-release-own", "func::FuncOp"> {
  let summary = "release a function's own buffers one by one";
  let description = [{
    A `bufferization.dealloc` whose buffers are results of `memref.alloc`, each
    once, and whose retained values are that or arguments of the function,
    becomes one for each buffer that is not retained. Upstream's simplification
    comes to the same after comparing each buffer with each.
  }];
  let dependentDialects = ["arith::ArithDialect"];
  let statistics = [
    Statistic<"changed", "changed", "Releases that were split">
  ];
}

def ExpandViews : Pass<"prec-expand-views", "func::FuncOp"> {
  let summary = "compute the offsets and strides of views";
  let description = [{
    Subviews and reshapes of memrefs become a `memref.reinterpret_cast` whose
    numbers are affine operations: upstream's patterns of
    `expand-strided-metadata`, tried on these operations alone.
  }];
  let dependentDialects = ["affine::AffineDialect", "arith::ArithDialect",
                           "memref::MemRefDialect"];
}

def WriteInPlace : Pass<"prec-write-in-place", "func::FuncOp"> {
  let summary = "let elementwise operations write over inputs read last there";
  let description = [{
    Where an elementwise operation reads a value of its result's type that no
    later operation reads, it gets that value's buffer to write into: one buffer
    less is alive, and memory is not fetched to be overwritten. It comes after
    `prec-recompute`, which repeats only what writes into new buffers.
  }];
  let dependentDialects = ["linalg::LinalgDialect"];
  let statistics = [
    Statistic<"reused", "reused", "buffers that are written over">,
  ];
}

def PadInPlace : Pass<"prec-pad-in-place", "func::FuncOp"> {
  let summary = "compute what is padded inside of its padding";
  let description = [{
    Of a padded tensor only the border is filled. An operation that makes what is
    padded writes into the padded tensor at once, and who else reads its result
    reads it there:

    ```
    %r = linalg.generic ... outs(%inside)
    %p = tensor.insert_slice %r into %empty[0, 0, 1, 1] ...
    %b = linalg.fill ... outs(%slab) // of the border, one for each side
    %q = tensor.insert_slice %b into %p ...
    ```

    becomes no copy when tensors become buffers. Paddings of unknown size are
    left as they are.
  }];
  let dependentDialects = ["linalg::LinalgDialect", "tensor::TensorDialect"];
  let statistics = [
    Statistic<"inPlace", "in-place", "paddings around what is computed inside">,
    Statistic<"borders", "borders", "paddings around what is copied">,
  ];
}

def BlockBatch : Pass<"prec-block-batch", "func::FuncOp"> {
  let summary = "run operations on a batch for a block of it after another";
  let description = [{
    A layer writes more than a cache holds, and the next one reads it back from
    memory. Operations whose outermost dimension is the batch, or a multiple of
    it, go into one loop over blocks of the batch, so small that what one writes
    the next finds in the cache:

    ```
    scf.for %i = %c0 to %c128 step %c2 {
      linalg.generic ... ins(%part_of_x) outs(%conv)   // 2 images
      linalg.generic ... ins(%conv, %bias) outs(%part_of_y)
    }
    ```

    A buffer that no other operation touches has the size of a block. Weights are
    read by each block; a weight gradient, whose sum begins with the loop over
    the batch, waits in memory between blocks. No bit changes: each element is
    computed by the same operations in the same order.

    An operation joins if every buffer that it shares with others is touched by
    all of them block by block. Those between members move before the loop or
    stay after it, where nothing depends on it. With `threads` sums over the
    batch stay outside and the loop is parallel.
  }];
  let options = [
    Option<"threads", "threads", "bool", /*default=*/"false",
           "blocks run on several threads">,
  ];
  let dependentDialects = ["arith::ArithDialect", "memref::MemRefDialect",
                           "scf::SCFDialect"];
  let statistics = [
    Statistic<"groups", "groups", "loops over blocks">,
    Statistic<"operations", "operations", "operations in them">,
  ];
}

def SerializeReductions : Pass<"prec-serialize-reductions"> {
  let summary = "write scf.parallel loops that reduce as scf.for";
  let description = [{
    A reduction's order is part of its result: it is that of the loop's indices.
    Loops without reductions stay parallel.
  }];
  let dependentDialects = ["scf::SCFDialect"];
}

def OutlineLoops : Pass<"prec-outline-loops", "ModuleOp"> {
  let summary = "make functions of loop nests, one of equal ones";
  let description = [{
    A layer that a network has twenty times is lowered and compiled once, and
    LLVM, some of whose passes cost more than the size of a function, sees small
    ones. Nests without results at the top of a function, or in a loop over
    blocks of the batch, are moved, with the constants that they use; other
    values become arguments. A strided memref is passed as its base buffer and
    the numbers (offset, sizes, strides) that its type leaves open; if all
    memrefs of a function are, it has `llvm.bareptr`, and a call passes pointers.
    Loops write memory in an order that does not change.
  }];
  let dependentDialects = ["func::FuncDialect", "memref::MemRefDialect"];
  let statistics = [
    Statistic<"nests", "nests", "loop nests that were moved">,
    Statistic<"functions", "functions", "functions that they became">,
  ];
}

#endif // PREC_CODEGEN_BUFFERPASSES
