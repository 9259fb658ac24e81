// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Calls that tell the engine of each buffer that begins or ends to live.
#include "ElementBytes.h"
#include "Places.h"
#include "Texts.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_TRACKBUFFERS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

namespace {
class TrackBuffers : public prec::impl::TrackBuffersBase<TrackBuffers> {
public:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Type word = Builder(&getContext()).getI64Type();
    Texts constants(module, "prec.buffer.");
    texts = &constants;
    SmallVector<memref::AllocOp> allocations;
    SmallVector<memref::DeallocOp> releases;
    module.walk([&](Operation *op) {
      if (op->getParentOfType<scf::ParallelOp>())
        return;
      if (auto alloc = dyn_cast<memref::AllocOp>(op))
        allocations.push_back(alloc);
      else if (auto release = dyn_cast<memref::DeallocOp>(op))
        releases.push_back(release);
    });
    size = declareEngineFunction(module, "prec_buffer_size", {word});
    live = declareEngineFunction(
        module, "prec_buffer_live",
        {LLVM::LLVMPointerType::get(&getContext()), word, word});
    dead = declareEngineFunction(module, "prec_buffer_dead", {word});
    for (memref::AllocOp alloc : allocations)
      announce(alloc);
    for (memref::DeallocOp release : releases) {
      OpBuilder b(release);
      func::CallOp::create(b, release.getLoc(), dead,
                           addressOf(b, release.getLoc(), release.getMemref()));
    }
    buffers += allocations.size();
  }

private:
  static Value word(OpBuilder &b, Location loc, Value index) {
    return arith::IndexCastOp::create(b, loc, b.getI64Type(), index);
  }

  static Value addressOf(OpBuilder &b, Location loc, Value buffer) {
    return word(b, loc,
                memref::ExtractAlignedPointerAsIndexOp::create(b, loc, buffer));
  }

  void announce(memref::AllocOp alloc) {
    OpBuilder b(&getContext());
    b.setInsertionPointAfter(alloc);
    Location loc = alloc.getLoc();
    MemRefType type = alloc.getType();
    std::string text = alloc->getParentOfType<func::FuncOp>().getName().str() +
                       '\0' + nameOfOwner(loc) + '\0';
    for (int64_t extent : type.getShape())
      text += (ShapedType::isDynamic(extent) ? "?" : std::to_string(extent)) +
              std::string("x");
    llvm::raw_string_ostream(text) << type.getElementType();
    for (Value extent : alloc.getDynamicSizes())
      func::CallOp::create(b, loc, size, word(b, loc, extent));
    Value each = arith::ConstantIntOp::create(
        b, loc, elementBytes(type.getElementType()), 64);
    func::CallOp::create(b, loc, live,
                         ValueRange{texts->address(b, loc, text),
                                    addressOf(b, loc, alloc), each});
  }

  Texts *texts = nullptr;
  func::FuncOp size, live, dead;
};
} // namespace
