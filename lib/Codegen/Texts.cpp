// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Constant texts and functions of the engine, for code that calls it.
#include "Texts.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mlir::prec;

Value Texts::address(OpBuilder &b, Location loc, const std::string &text) {
  std::string &name = names[text];
  if (name.empty()) {
    name = prefix + std::to_string(names.size());
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    auto type = LLVM::LLVMArrayType::get(top.getI8Type(), text.size() + 1);
    LLVM::GlobalOp::create(top, loc, type, /*isConstant=*/true,
                           LLVM::Linkage::Internal, name,
                           top.getStringAttr(text + '\0'));
  }
  return LLVM::AddressOfOp::create(
      b, loc, LLVM::LLVMPointerType::get(b.getContext()), name);
}

func::FuncOp mlir::prec::declareEngineFunction(ModuleOp module, StringRef name,
                                               TypeRange arguments) {
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
  auto function = func::FuncOp::create(
      top, module.getLoc(), name, top.getFunctionType(arguments, TypeRange()));
  function.setPrivate();
  return function;
}
